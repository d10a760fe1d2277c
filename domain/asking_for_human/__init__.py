"""Whether somebody asks to be passed on to a human, in any of six languages.

Precise rather than complete: who is not understood here is still heard by the model, but who asked
about human resources must not be silenced. "Are you human?" is a question and no request. Each
language tells requests by the infinitive or the imperative, so that "I spoke to an agent" and
"hablo con una persona" are none. All languages always count, whichever the assistant speaks.
"""

from collections.abc import Iterable
from typing import Final

from domain.asking_for_human.english import ENGLISH
from domain.asking_for_human.french import FRENCH
from domain.asking_for_human.german import GERMAN
from domain.asking_for_human.language import Language
from domain.asking_for_human.portuguese import PORTUGUESE
from domain.asking_for_human.spanish import SPANISH
from domain.asking_for_human.swedish import SWEDISH
from domain.wording import clauses, words_only

_LANGUAGES: Final = (ENGLISH, SPANISH, GERMAN, FRENCH, PORTUGUESE, SWEDISH)


def asks_for_human(text: str, *, phrases: Iterable[str] = ()) -> bool:
    """Whether the message asks for a human.

    Args:
        phrases: more words that do, of the assistant's own; each as a whole.
    """
    said = f" {words_only(text)} "
    if any(f" {words} " in said for words in map(words_only, phrases) if words):
        return True
    parts = clauses(text)
    whole = " ".join(parts)
    return any(
        language.whole.fullmatch(_without_courtesies(whole, language)) is not None
        or any(_requests(part, language) for part in parts)
        for language in _LANGUAGES
    )


def _requests(clause: str, language: Language) -> bool:
    return any(
        language.not_after.search(clause[: found.start()]) is None
        for request in language.requests
        for found in request.finditer(clause)
    )


def _without_courtesies(whole: str, language: Language) -> str:
    return " ".join(language.courtesies.sub(" ", whole).split())
