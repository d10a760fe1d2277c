"""When what a source no longer has is believed to be gone.

A site that is being rebuilt answers an empty sitemap or half of its pages, with status 200. So a
list that has nothing, or from which more than half of ten or more documents are missing, is not
believed the first time. What a second complete list does not have either is gone: the owner who
really empties a site waits for one more sync, and nobody loses a knowledge base over a bad hour.
"""

from typing import Final

MANY: Final = 10


def is_suspicious(*, kept: int, missing: int) -> bool:
    """Whether so much is missing that it could be the source's mistake.

    Args:
        kept: documents that the source still has.
        missing: documents that it had before, and has not any more.
    """
    if missing == 0:
        return False
    known = kept + missing
    return kept == 0 or (known >= MANY and missing > known / 2)
