"""The beginning of an erasure, in the stores that must deny its subject at once."""

from collections.abc import Awaitable, Callable, Mapping

from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.dynamodb.people import People
from adapters.postgres import erasures
from adapters.postgres.database import Database
from adapters.postgres.tables import Erasure
from contracts.erasure import Erase
from contracts.ids import ErasureId, PersonId


class Erasures:
    """Their records. A request begins an erasure, and its workflow again: either may die."""

    def __init__(self, database: Database, people: People) -> None:
        self._database = database
        self._people = people

    async def begin(
        self, request: Erase, *, also: Callable[[AsyncSession], Awaitable[None]] | None = None
    ) -> Erasure:
        """Record the erasure and let nobody find its subject any more. Safe to repeat.

        An organisation's keys and numbers are dead in every process when this returns, give or
        take the moment in which PostgreSQL announces it. Whoever has a person's identifiers and
        writes after that is a new person.

        Args:
            also: is done in the same transaction, which is the platform's.
        """
        if request.kind == "whatsapp_user":
            # Before the announcement: what is looked up after it must not be found.
            await self._people.retire(request.organization_id, PersonId(request.subject_id))
        async with self._database.platform() as session:
            erasure = await erasures.begin(session, request)
            if also is not None:
                await also(session)
        return erasure

    async def reopen(self, erasure_id: ErasureId) -> None:
        async with self._database.platform() as session:
            await erasures.reopen(session, erasure_id)

    async def add_removed(self, erasure_id: ErasureId, counts: Mapping[str, int]) -> None:
        if any(counts.values()):
            async with self._database.platform() as session:
                await erasures.add_removed(session, erasure_id, counts)

    async def finish(self, erasure_id: ErasureId) -> None:
        async with self._database.platform() as session:
            await erasures.finish(session, erasure_id)
