"""Which language a message is in: one of our six, by the small words that give it away, or whether
it is another one than that of the documents, by py3langid's model of letters."""

import re
from collections.abc import Sequence
from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

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


def telling_words(language: str) -> frozenset[str]:
    """Frequent words of one of our languages, in lower case; none of another one."""
    return _TELLING_WORDS.get(language, frozenset())


def language_of_texts(texts: Sequence[str]) -> str:
    """ISO 639-1 code of the language that the texts are most likely in."""
    language, _ = _identifier().classify(" ".join(texts)[:_LOOKED_AT])
    return str(language)


def is_in_another_language(said: Sequence[str], *, than: str) -> bool:
    """Whether a question is in another language, as far as that can be told.

    Args:
        said: what the person wrote, oldest first; the newest that shows its language counts.
        than: code of the language.
    """
    for text in reversed(said):
        language, probability = _identifier().classify(text)
        if probability >= _SURE:
            return bool(language != than)
    return False


_SURE = 0.8
"""Of the 247 questions of `bench/quality`, none that is English counts as another language, and
three of the others count as English."""

_LOOKED_AT = 4_000
"""Characters of the texts: more tell no more."""

_WIDELY_WRITTEN = (
    "ar bg ca cs da de el en es fa fi fr he hi hr hu id it ja ko nl no pl pt ro ru sv th tr uk "
    "vi zh"
)
"""Without the rare ones, a few words of a frequent language are not taken for one of them."""


@cache
def _identifier() -> LanguageIdentifier:
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(_WIDELY_WRITTEN.split())
    return identifier


_WORD = re.compile(r"[^\W_]+")
