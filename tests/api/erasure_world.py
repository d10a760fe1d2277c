"""An organisation with something in every store, a worker that erases, and a look into each."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
from anyio import SpooledTemporaryFile
from sqlalchemy import text as sql
from temporalio import activity
from temporalio.client import Client, ScheduleActionExecutionStartWorkflow
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Worker
from ulid import ULID

from adapters.dynamodb.dead_letters import DeadLetters
from adapters.dynamodb.erasure import EXPIRING
from adapters.dynamodb.media import MessageMedia
from adapters.dynamodb.outbox import Draft, DraftPart, Outbox
from adapters.dynamodb.people import PersonIdentity
from adapters.dynamodb.statuses import Statuses, StatusUpdate
from adapters.dynamodb.webhooks import DeliveryAttempt
from adapters.postgres import unanswered_questions
from adapters.postgres.consents import Consents
from adapters.postgres.ingestion import Ingestions
from adapters.temporal.client import connect
from adapters.temporal.metrics import WorkerMetrics
from adapters.vectors.index import DocumentVersion, EmbeddingSpace, PassageVector
from api.services import Services
from contracts.conversation import (
    ConversationRef,
    InboundMessage,
    InboundRecord,
    RecordInbound,
    Turn,
)
from contracts.erasure import Erase
from contracts.ids import (
    ChannelId,
    ConversationId,
    DocumentId,
    KnowledgeBaseId,
    MessageId,
    OrganizationId,
    PersonId,
    TurnId,
    WebhookEndpointId,
    conversation_workflow_id,
    ingestion_workflow_id,
    parties_of,
    source_schedule_id,
    webhook_deliveries_workflow_id,
)
from contracts.ingestion import IngestDocument
from contracts.names import ERASURE_QUEUE
from domain.business_events import message_received
from domain.chunking import Chunk
from settings import Settings
from tests.api.conftest import Organization, created
from tests.api.test_webhooks import deliver, make_channel, signals, to
from tests.domain.test_webhook_delivery import text
from worker.assembly import open_activities
from worker.registry import registrations

NOW = datetime.now(UTC)
PICTURE = b"what everybody sends"

_RECORDS = " AND organization_id IS NOT NULL AND action <> 'whatsapp_user.delete'"
"""What the audit log says of erasures, and the platform's own log, is to stay."""


@dataclass
class Filled:
    """What is known of an organisation that has something everywhere."""

    organization: Organization
    channel: dict[str, Any]
    conversations: list[ConversationRef] = field(default_factory=list)
    workflows: list[str] = field(default_factory=list)
    schedules: list[str] = field(default_factory=list)
    numbers: dict[str, list[str]] = field(default_factory=dict)
    """Of each person, the former ones first."""
    user_ids: dict[str, str] = field(default_factory=dict)

    @property
    def tenant(self) -> OrganizationId:
        return OrganizationId(self.organization.id)


def a_number() -> str:
    return str(uuid4().int)[:15]


async def fill(
    organization: Organization, door: httpx.AsyncClient, services: Services, *, people: int = 2
) -> Filled:
    """Put something into every store: people who wrote and were answered, files, vectors."""
    filled = Filled(organization, await make_channel(organization))
    for _ in range(people):
        user_id, numbers = f"ES.{ULID()}", [a_number(), a_number()]
        # A new number of the same person: the former one still leads to them.
        for number in numbers:
            await write(filled, door, {"from": number, "from_user_id": user_id})
        identity = PersonIdentity(user_id=user_id)
        person_id = await services.erasures._people.resolve(filled.tenant, identity)
        filled.numbers[person_id], filled.user_ids[person_id] = numbers, user_id
    runs = await signals(services, filled.channel, conversations=people)
    for workflow_id in runs:
        channel, person = workflow_id.split("/")[1:]
        ref = ConversationRef(
            organization_id=filled.tenant,
            channel_id=ChannelId(channel),
            person_id=PersonId(person),
            conversation_id=ConversationId(
                f"conv_{channel.removeprefix('chn_')}{person.removeprefix('wau_')}"
            ),
        )
        filled.conversations.append(ref)
        filled.workflows.append(workflow_id)
        await record(services, ref)
    # One of them has ended, and has left its history.
    await services.temporal.get_workflow_handle(filled.workflows[0]).terminate()
    await DeadLetters(services.table).park(filled.tenant, reason="unreadable", raw=b"{}")
    await _fill_knowledge(filled, services)
    await _fill_webhooks(filled, services)
    await _fill_sources(filled, services)
    return filled


async def write(
    filled: Filled, door: httpx.AsyncClient, sender: dict[str, str], words: str = "hello"
) -> None:
    body = to(filled.channel, text(words, id=f"wamid.{ULID()}", **sender))
    assert (await deliver(door, body)).status_code == 200


async def record(services: Services, ref: ConversationRef) -> None:
    """What the worker would have written of two messages and an answer that was sent twice."""
    turn = Turn(conversation=ref, turn_id=TurnId(f"turn_{ULID()}"), message_ids=[])
    records = [
        InboundRecord(
            message_id=MessageId(f"msg_{ULID()}"),
            message=InboundMessage(
                whatsapp_message_id=f"wamid.{ULID()}",
                type="text",
                reply="answer",
                text="hello",
                sent_at=NOW,
            ),
        )
        for _ in range(2)
    ]
    await services.conversations.record_inbound(
        RecordInbound(conversation=ref, turn_id=turn.turn_id, messages=records, opening=True)
    )
    async with services.database.tenant(ref.organization_id) as session:
        await (await session.connection()).execute(
            sql(
                "INSERT INTO whatsapp_users (id, organization_id, attributes) "
                "VALUES (:id, :organization, '{}')"
            ),
            {"id": ref.person_id, "organization": ref.organization_id},
        )
    await Consents(services.database).opted_in(
        ref.organization_id, ref.person_id, source="message", at=NOW
    )
    async with SpooledTemporaryFile[bytes]() as picture:
        await picture.write(PICTURE)
        await picture.seek(0)
        await services.objects.put_file(
            ref.organization_id,
            picture,
            sha256=hashlib.sha256(PICTURE).hexdigest(),
            media_type="image/png",
            person_id=ref.person_id,
        )
    await MessageMedia(services.table).record_transcription(
        ref, records[0].message_id, model="m", input_tokens=1, output_tokens=1, seconds=0
    )
    outbox, answer = Outbox(services.table), MessageId(f"msg_{ULID()}")
    await outbox.save_draft(turn, Draft(parts=(DraftPart(text="welcome"),)))
    await outbox.claim(turn, message_id=answer, part=0, text="welcome")
    for _ in range(2):
        await outbox.mark_sent(ref, message_id=answer, whatsapp_message_id=f"wamid.{ULID()}")


async def _fill_knowledge(filled: Filled, services: Services) -> None:
    admin, path = filled.organization.admin, filled.organization.path
    base = await created(admin, f"{path}/knowledge-bases", name="Help")
    documents = f"{path}/knowledge-bases/{base['id']}/documents"
    for title in ("Prices", "Hours"):
        made = await created(admin, documents, status=202, title=title, text=f"All {title}.")
        filled.workflows.append(ingestion_workflow_id(DocumentId(made["id"])))
    ref = IngestDocument(
        organization_id=filled.tenant,
        knowledge_base_id=KnowledgeBaseId(base["id"]),
        document_id=DocumentId(made["id"]),
    )
    async with services.database.tenant(filled.tenant) as session:
        for conversation in filled.conversations:
            await unanswered_questions.add(
                session,
                "Do you sell boats?",
                knowledge_base_ids=[ref.knowledge_base_id],
                conversation=conversation,
            )
    ingestions = Ingestions(services.database)
    chunks = [Chunk(text=f"{n}", start=n, end=n + 1, heading=None, page=None) for n in range(3)]
    version = await ingestions.stage(ref, chunks=chunks)
    _, staged = await ingestions.staged(ref, version=version, start=0, end=3)
    await services.knowledge.index.upsert(
        DocumentVersion(ref.organization_id, ref.knowledge_base_id, ref.document_id, version),
        [PassageVector(one.passage_id, one.position, [1.0, 0.0]) for one in staged],
        space=EmbeddingSpace("m", 2),
    )


async def _fill_webhooks(filled: Filled, services: Services) -> None:
    """An endpoint that is being told of each conversation, and has not taken an event."""
    made = await created(
        filled.organization.admin,
        f"{filled.organization.path}/webhook-endpoints",
        url="https://shop.example.com/hook",
    )
    webhooks, endpoint_id = services.webhooks, WebhookEndpointId(made["id"])
    for ref in filled.conversations:
        event = message_received(ref, MessageId(f"msg_{ULID()}"), at=NOW)
        await webhooks.publisher.publish(event)
        await webhooks.buried.add(endpoint_id, event, reason="It answered 500.")
        filled.workflows.append(webhook_deliveries_workflow_id(endpoint_id, ref.conversation_id))
    await webhooks.deliveries.add(
        filled.tenant,
        endpoint_id,
        DeliveryAttempt(
            event_id=event.id, type=event.type, attempt=1, duration_ms=1, attempted_at=NOW
        ),
    )


async def _fill_sources(filled: Filled, services: Services) -> None:
    """A source with a schedule, which has begun a sync."""
    admin, path = filled.organization.admin, filled.organization.path
    base = await created(admin, f"{path}/knowledge-bases", name="Synced")
    made = await created(
        admin,
        f"{path}/knowledge-bases/{base['id']}/sources",
        type="text",
        name="Returns",
        text="Within thirty days.",
        schedule={"every_seconds": 3600},
    )
    filled.schedules.append(source_schedule_id(made["id"]))
    handle = services.temporal.get_schedule_handle(filled.schedules[0])
    async with asyncio.timeout(20):
        while not (running := (await handle.describe()).info.running_actions):  # noqa: ASYNC110 - a server is asked
            await asyncio.sleep(0.02)
    assert isinstance(running[0], ScheduleActionExecutionStartWorkflow)
    filled.workflows.append(running[0].workflow_id)


async def scheduled(schedules: Sequence[str], services: Services) -> list[str]:
    """Those that there still are."""
    found = []
    for schedule_id in schedules:
        try:
            await services.temporal.get_schedule_handle(schedule_id).describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
        else:
            found.append(schedule_id)
    return found


async def finished(client: httpx.AsyncClient, location: str) -> dict[str, Any]:
    """The erasure, once it says that it is finished."""
    async with asyncio.timeout(60):
        while True:
            response = await client.get(location)
            assert response.status_code == 200, response.text
            erasure: dict[str, Any] = response.json()
            if erasure["status"] == "finished":
                return erasure
            await asyncio.sleep(0.1)


@asynccontextmanager
async def eraser(settings: Settings, *, dies: Sequence[str] = ()) -> AsyncIterator[set[str]]:
    """A worker for erasures. At each point (`before erase_items`) it dies once; what is left of
    the points."""
    client = await connect(settings)
    left = set(dies)
    async with open_activities(settings, client, metrics=WorkerMetrics()) as activities:
        (registration,) = (
            one for one in registrations(activities) if one.task_queue == ERASURE_QUEUE
        )
        async with Worker(
            client,
            task_queue=ERASURE_QUEUE,
            workflows=registration.workflows,
            activities=[_mortal(each, left) for each in registration.activities],
        ):
            yield left


def _mortal(implementation: Callable[[Erase], Any], dies: set[str]) -> Callable[..., Any]:
    definition = activity._Definition.must_from_callable(implementation)

    @activity.defn(name=definition.name)
    async def run(request: Erase) -> Any:
        _die(f"before {definition.name}", dies)
        result = await implementation(request)
        _die(f"after {definition.name}", dies)
        return result

    return run


def _die(point: str, dies: set[str]) -> None:
    if point in dies:
        dies.remove(point)
        raise RuntimeError(point)


async def traces(needle: str, services: Services) -> list[str]:
    """Where anything holds the text: every item, object, row and listed workflow is looked at."""
    return [
        *[f"dynamodb: {key}" for key in await _items(needle, services)],
        *[f"s3: {key}" for key in await _objects(needle, services)],
        *[f"postgres: {row}" for row in await _rows(needle, services)],
        *[f"temporal: {run}" for run in await _listed(needle, services.temporal)],
    ]


async def remembered(workflows: Sequence[str], services: Services) -> list[str]:
    """Those of which Temporal still has something."""
    found = []
    for workflow_id in workflows:
        try:
            await services.temporal.get_workflow_handle(workflow_id).describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
        else:
            found.append(workflow_id)
    return found


async def _items(needle: str, services: Services) -> list[str]:
    table, found = services.table, []
    paginator = table.client.get_paginator("scan")
    async for page in paginator.paginate(TableName=table.name):
        for item in page["Items"]:
            if needle in str(item) and not _expires_soon(item):
                found.append(f"{item['pk']['S']} {item['sk']['S']}")
    return found


def _expires_soon(item: Any) -> bool:
    """What nothing leads to may stay, but not for long."""
    kinds = {name.replace("_", "-"): longest for name, longest in EXPIRING.items()}
    longest = next((kinds[part] for part in item["pk"]["S"].split("/") if part in kinds), None)
    if longest is None:
        return False
    left = int(item["expires_at"]["N"]) - datetime.now(UTC).timestamp()
    return left <= longest.total_seconds()


async def _objects(needle: str, services: Services) -> list[str]:
    client, bucket = services.objects._client, services.settings.parley_s3_bucket
    found = []
    async for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        found += [one["Key"] for one in page.get("Contents", []) if needle in one["Key"]]
    return found


async def _rows(needle: str, services: Services) -> list[str]:
    """Looks at whole rows as text, as the superuser that the tests' server logs in."""
    found = []
    async with services.database.engine.connect() as connection:
        tables = await connection.execute(
            sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        )
        for table in sorted(tables.scalars()):
            if table == "erasures":
                continue
            whole = f"SELECT count(*) FROM {table} AS r WHERE r::text LIKE :needle"  # noqa: S608
            query = whole + (_RECORDS if table == "audit_log" else "")
            count = await connection.scalar(sql(query), {"needle": f"%{needle}%"})
            if count:
                found.append(f"{count} in {table}")
    return found


async def _listed(needle: str, client: Client) -> list[str]:
    return [
        found.id
        async for found in client.list_workflows()
        if not found.id.startswith("erase/")
        and (needle in found.id or needle in str(found.search_attributes))
    ]


async def open_status(services: Services, tenant: OrganizationId, *, wamid: str) -> None:
    """A status of a message that nobody knows."""
    await Statuses(services.table).apply(
        tenant, StatusUpdate(whatsapp_message_id=wamid, status="sent", timestamp=NOW)
    )


def workflow_of(conversation: str) -> str:
    return conversation_workflow_id(*parties_of(conversation))
