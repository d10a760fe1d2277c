"""What tells a request for a human in one language."""

import re
from collections.abc import Sequence
from typing import NamedTuple


class Language(NamedTuple):
    """All of it in the words of `domain.wording`: lower case, no accents."""

    whole: re.Pattern[str]
    """A whole message that is nothing but a name for a human, courtesies aside."""
    courtesies: re.Pattern[str]
    requests: Sequence[re.Pattern[str]]
    not_after: re.Pattern[str]
    """Ends what stands before a request that is none: denied, or told of the past."""


def language(
    *,
    whole: str,
    courtesies: str,
    who: str,
    wanted: str,
    requests: Sequence[str],
    not_after: str,
) -> Language:
    """
    Args:
        who: a human that one may speak to, with its articles; `<who>` in requests.
        wanted: one that is a human even when nothing is said of speaking; `<wanted>` in requests.
    """
    return Language(
        whole=re.compile(whole),
        courtesies=re.compile(rf"\b(?:{courtesies})\b"),
        requests=[
            re.compile(rf"\b(?:{request})\b")
            for request in (
                one.replace("<who>", f"(?:{who})").replace("<wanted>", f"(?:{wanted})")
                for one in requests
            )
        ],
        not_after=re.compile(rf"(?:^|\s)(?:{not_after})\s*$"),
    )
