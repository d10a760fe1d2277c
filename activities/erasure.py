"""The steps of an erasure. Each may be repeated: it removes what is left and counts that."""

from collections import Counter

from temporalio import activity

from activities.heartbeats import heartbeating
from adapters.dynamodb.erasure import ErasedItems
from adapters.erasures import Erasures
from adapters.objects.objects import Objects
from adapters.postgres import erasures
from adapters.postgres.database import Database
from adapters.temporal.executions import Executions
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
        objects: Objects,
        index: VectorIndex,
        items: ErasedItems,
    ) -> None:
        self._records = records
        self._database = database
        self._executions = executions
        self._objects = objects
        self._index = index
        self._items = items

    @activity.defn(name="begin_erasure")
    async def begin_erasure(self, request: Erase) -> None:
        """Record the erasure and let nobody find its subject any more."""
        await self._records.begin(request)
        await self._records.reopen(request.erasure_id)

    @activity.defn(name="erase_workflows")
    async def erase_workflows(self, request: Erase) -> int:
        """Terminate the subject's workflows and remove their histories, until none is listed."""
        async with heartbeating():
            if request.kind == "organization":
                removed = await self._erase_workflows_of_organization(request)
            else:
                removed = await self._erase_workflows_of_person(request)
            return await self._removed(request, Counter(workflows=removed))

    @activity.defn(name="erase_files")
    async def erase_files(self, request: Erase) -> int:
        """Remove the organisation's files."""
        async with heartbeating():
            files = await self._objects.delete_organization(request.organization_id)
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

    async def _erase_workflows_of_organization(self, request: Erase) -> int:
        # Temporal may not list yet what has just begun; of those that wrote, DynamoDB knows.
        async for page in self._items.open_conversations(request.organization_id):
            await self._executions.terminate([_workflow_of(each) for each in page])
        query = f"{ORGANIZATION_ID.name} = '{request.organization_id}'"
        return await self._executions.remove(query)

    async def _erase_workflows_of_person(self, request: Erase) -> int:
        removed = 0
        for conversation in sorted(await self._conversations(request)):
            await self._executions.terminate([_workflow_of(conversation)])
            query = f"{CONVERSATION_ID.name} = '{conversation}'"
            removed += await self._executions.remove(query)
        return removed

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
