"""Which of the six languages a message is in, from the small words that give it away."""

import re
from collections.abc import Sequence

FALLBACK_LANGUAGE = "en"

_NAMES = {
    "english": "en", "spanish": "es", "español": "es", "swedish": "sv", "svenska": "sv",
    "german": "de", "deutsch": "de", "french": "fr", "français": "fr", "portuguese": "pt",
    "português": "pt",
}  # fmt: skip

# Words that are frequent in one of the languages and tell it from the others.
_TELLING = {
    "en": (
        "the is are you your do does what when where how much can i my it of and to have there "
        "hello hi thanks thank please open for with a any without on who want bye goodbye which"
    ),
    "es": (
        "el los las es son usted qué que cuándo cuando dónde cómo cuánto cuesta puedo mi tienen "
        "hola gracias por favor para con una y cuál quién la adiós buenos días buenas tardes "
        "noches eres abren hay quiero necesito del está tenéis sin"
    ),
    "sv": (
        "vem vilken hejdå är ni du din vad när hur mycket kan jag mitt min det och att har finns "
        "hej tack för med en ett på öppet öppettider kostar vill ska till inte var om söndag "
        "lördag"
    ),
    "de": (
        "wer welche tschüss der die das ist sind sie ihr was wann wo wie viel kann ich mein es "
        "und zu haben gibt hallo danke bitte für mit ein eine auf kostet nicht kostenlos möchte "
        "habt am geöffnet"
    ),
    "fr": (
        "quel quelle qui la le les est sont vous votre quoi quand où comment combien puis je mon "
        "il et avez bonjour salut merci pour avec livrez bonsoir un une sur coûte ouvert êtes des "
        "du ce que pas veux ouvrez"
    ),
    "pt": (
        "qual quem tchau o os as é são você vocês que quando onde como quanto custa posso meu "
        "minha tem olá oi obrigado obrigada por favor para com um uma e abrem não há quero "
        "preciso do está sem"
    ),
}
FUNCTION_WORDS = frozenset(word for words in _TELLING.values() for word in words.split())
"""Of all languages: small words that carry the grammar of a question and little of its subject."""

_TELLING_WORDS = {language: frozenset(words.split()) for language, words in _TELLING.items()}


def language_of(texts: Sequence[str], *, preferred: str | None) -> str:
    """Code of the language of the newest of `texts` that shows one.

    Args:
        texts: what the person wrote, oldest first.
        preferred: name or code of the language to assume when none shows.
    """
    for text in reversed(texts):
        words = _WORD.findall(text.casefold())
        counts = {
            language: sum(word in telling for word in words)
            for language, telling in _TELLING_WORDS.items()
        }
        best = max(counts, key=lambda language: counts[language])
        if counts[best] and list(counts.values()).count(counts[best]) == 1:
            return best
    named = (preferred or "").strip().casefold()
    code = _NAMES.get(named, named.split("-")[0])
    return code if code in _TELLING else FALLBACK_LANGUAGE


_WORD = re.compile(r"[^\W_]+")
