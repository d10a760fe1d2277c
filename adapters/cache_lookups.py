"""How often a cache had what was asked of it: told to whoever keeps the metrics."""

from collections.abc import Callable
from typing import Literal

CacheName = Literal[
    "api_keys",
    "assistant_profiles",
    "channel_routes",
    "query_embeddings",
    "shared_query_embeddings",
    "webhook_endpoints",
]
Outcome = Literal["hit", "miss", "failure"]
"""`failure`: the cache itself did not answer, and was done without."""

CountLookup = Callable[[CacheName, Outcome], None]


def uncounted(_cache: CacheName, _outcome: Outcome) -> None:
    """For a process without metrics."""
