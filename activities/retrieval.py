"""Looking up what may answer a turn, as a step of its own."""

from temporalio import activity

from activities.lookup import PassageLookup
from contracts.conversation import RetrievedPassages, Turn


class RetrievalActivities:
    """Implements `retrieve_passages`, for conversations that were started with protocol 1."""

    def __init__(self, lookup: PassageLookup) -> None:
        self._lookup = lookup

    @activity.defn(name="retrieve_passages")
    async def retrieve_passages(self, turn: Turn) -> RetrievedPassages:
        """Find the passages of the assistant's knowledge that may answer the turn, best first."""
        return await self._lookup.of(turn)
