"""`ETag` and `If-Match`: nobody overwrites what they have not seen (RFC 9110, sections 8.8, 13).

An answer that shows one object with a `revision` carries it as its strong ETag (`api/routing.py`).
A change locks its row, checks the precondition against the row's revision, and writes, all in one
transaction.
"""

import re
from typing import Annotated, Final

from fastapi import Depends, Header

from api.problems import Problem, invalid

_TAGS: Final = re.compile(r'\s*(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"\s*(?:,|$)|\s*,')


def etag(revision: int) -> str:
    return f'"{revision}"'


class Precondition:
    """What the client believes the object to be."""

    def __init__(self, tags: frozenset[str] | None) -> None:
        """
        Args:
            tags: one of them must be the object's; None: whatever it is.
        """
        self._tags = tags

    def check(self, revision: int) -> None:
        """Raise a problem unless the object is as the client saw it. Its row must be locked."""
        if self._tags is not None and etag(revision) not in self._tags:
            raise Problem(
                412,
                "Somebody has changed this object since you read it. Get it again, look at what "
                f"changed, and send your change with its new ETag ({etag(revision)}) as If-Match.",
                kind="precondition-failed",
                headers={"ETag": etag(revision)},
            )


def get_precondition(
    if_match: Annotated[
        str | None,
        Header(
            alias="If-Match",
            max_length=2000,
            description='ETags of the versions that may be changed, e.g. `"3"`; `*` or nothing: '
            "whichever there is. Any other version answers 412.",
        ),
    ] = None,
) -> Precondition:
    if if_match is None or if_match.strip() == "*":
        return Precondition(None)
    if not if_match.strip() or "".join(m[0] for m in _TAGS.finditer(if_match)) != if_match:
        raise invalid("If-Match", 'send ETags in quotes, such as "3", or *', location="header")
    tags = (m[0].strip(" \t,") for m in _TAGS.finditer(if_match))
    # Weak tags never match here (RFC 9110, section 13.1.1): they keep their W/ and equal nothing.
    return Precondition(frozenset(tag for tag in tags if tag))


PreconditionDep = Annotated[Precondition, Depends(get_precondition)]
