"""The steps of an erasure. Each may be repeated: it removes what is left and counts that."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable

from temporalio import activity

from activities.heartbeats import heartbeating
from adapters.dynamodb.erasure import ErasedItems
from adapters.erasures import Erasures
from adapters.objects.objects import Objects
from adapters.postgres import erasures, sources
from adapters.postgres.database import Database
from adapters.temporal.executions import Executions
from adapters.temporal.source_schedules import SourceSchedules
from adapters.vectors.index import VectorIndex
from contracts.erasure import Erase
from contracts.ids import (
    ConversationId,
    PersonId,
    conversation_id,
    conversation_workflow_id,
    parties_of,
)
from contracts.names import CONVERSATION_ID, ORGANIZATION_ID


class ErasureActivities:
    """Implements the activities of `Erase`."""

    def __init__(
        self,
        records: Erasures,
        *,
        database: Database,
        executions: Executions,
        schedules: SourceSchedules,
        objects: Objects,
        index: VectorIndex,
        items: ErasedItems,
    ) -> None:
        self._records = records
        self._database = database
        self._executions = executions
        self._schedules = schedules
        self._objects = objects
        self._index = index
        self._items = items

    @activity.defn(name="begin_erasure")
    async def begin_erasure(self, request: Erase) -> None:
        """Record the erasure and let nobody find its subject any more."""
        await self._records.begin(request)
        await self._records.reopen(request.erasure_id)

    @activity.defn(name="end_workflows")
    async def end_workflows(self, request: Erase) -> int:
        """Terminate the subject's workflows, until none is listed as open; how many. What would
        start others goes first."""
        async with heartbeating():
            await self._delete_schedules(request)
            # Temporal may not list yet what has just begun; of those that wrote, DynamoDB knows.
            async for page in self._open_conversations(request):
                await self._executions.terminate(map(_workflow_of, page))
            ended = 0
            async for query in self._queries(request):
                ended += await self._executions.terminate_listed(query)
            return ended

    @activity.defn(name="erase_histories")
    async def erase_histories(self, request: Erase) -> int:
        """Remove the histories of the subject's workflows, until none is listed; how many."""
        removed = 0
        async with heartbeating():
            async for query in self._queries(request):
                histories = await self._executions.remove_listed(query)
                removed += await self._removed(request, Counter(workflows=histories))
        return removed

    @activity.defn(name="erase_files")
    async def erase_files(self, request: Erase) -> int:
        """Remove the organisation's files, or those that the person has sent."""
        async with heartbeating():
            if request.kind == "organization":
                files = await self._objects.delete_organization(request.organization_id)
            else:
                person_id = PersonId(request.subject_id)
                files = await self._objects.delete_person(request.organization_id, person_id)
            return await self._removed(request, Counter(files=files))

    @activity.defn(name="erase_vectors")
    async def erase_vectors(self, request: Erase) -> int:
        """Remove the organisation's vectors; 1 when there were any."""
        async with heartbeating():
            return int(await self._index.delete_organization(request.organization_id))

    @activity.defn(name="erase_items")
    async def erase_items(self, request: Erase) -> int:
        """Remove the subject's items from DynamoDB."""
        organization_id = request.organization_id
        if request.kind == "organization":
            removing = self._items.of_organization(organization_id)
        else:
            person_id = PersonId(request.subject_id)
            removing = self._items.of_person(
                organization_id, person_id, conversations=await self._conversations(request)
            )
        total = 0
        async with heartbeating():
            async for counts in removing:
                total += await self._removed(request, counts)
        return total

    @activity.defn(name="erase_rows")
    async def erase_rows(self, request: Erase) -> int:
        """Remove the subject's rows from PostgreSQL."""
        async with heartbeating():
            if request.kind == "organization":
                return await erasures.remove_organization(self._database, request)
            return await erasures.remove_person(self._database, request)

    @activity.defn(name="finish_erasure")
    async def finish_erasure(self, request: Erase) -> None:
        """Say that nothing is left."""
        await self._records.finish(request.erasure_id)

    async def _delete_schedules(self, request: Erase) -> None:
        """Of the organisation's sources: Temporal may not list yet what has just been made."""
        if request.kind != "organization":
            return
        async with self._database.tenant(request.organization_id) as session:
            of_rows = await sources.ids(session)
        listed = await self._schedules.listed(organization_id=request.organization_id)
        for source_id in {*of_rows, *listed}:
            await self._schedules.delete(source_id)

    async def _open_conversations(self, request: Erase) -> AsyncIterator[Iterable[ConversationId]]:
        if request.kind == "whatsapp_user":
            yield await self._conversations(request)
            return
        async for page in self._items.open_conversations(request.organization_id):
            yield page

    async def _queries(self, request: Erase) -> AsyncIterator[str]:
        """Filters of Temporal's lists that together find the subject's workflows."""
        if request.kind == "organization":
            yield f"{ORGANIZATION_ID.name} = '{request.organization_id}'"
            return
        for conversation in sorted(await self._conversations(request)):
            yield f"{CONVERSATION_ID.name} = '{conversation}'"

    async def _conversations(self, request: Erase) -> set[ConversationId]:
        """All that the person has, and those that a delivery under way may be opening."""
        person_id = PersonId(request.subject_id)
        known = await self._items.conversations_of(request.organization_id, person_id)
        async with self._database.tenant(request.organization_id) as session:
            channels = await erasures.channels_of(session)
        return known | {conversation_id(channel, person_id) for channel in channels}

    async def _removed(self, request: Erase, counts: Counter[str]) -> int:
        await self._records.add_removed(request.erasure_id, counts)
        return counts.total()


def _workflow_of(conversation: ConversationId) -> str:
    return conversation_workflow_id(*parties_of(conversation))
