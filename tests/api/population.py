"""Fills an organisation with a marked object of every resource, for tests of what others see.

Everything that has a text carries the organisation's marker, which nobody can guess. Names that
people and Meta give (numbers, message ids) are the same in all of them: a key that forgets its
organisation collides.
"""

import hashlib
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, get_args

import httpx
from ulid import ULID

from adapters.dynamodb.dead_letters import DeadLetters
from adapters.dynamodb.messages import Citation
from adapters.dynamodb.outbox import Draft, DraftPart, Outbox
from adapters.dynamodb.people import People, PersonIdentity
from adapters.dynamodb.webhooks import DeliveryAttempt
from adapters.postgres import api_keys, consents, unanswered_questions, whatsapp_users
from adapters.postgres.ingestion import Ingestions
from adapters.postgres.syncs import Syncs
from adapters.postgres.tables import ConsentState, Erasure
from adapters.sources.items import Listed, Listing
from api.services import Services
from contracts.conversation import (
    ConversationRef,
    InboundMessage,
    InboundRecord,
    RecordInbound,
    Turn,
)
from contracts.ids import (
    ChannelId,
    ConversationId,
    DocumentId,
    ErasureId,
    KnowledgeBaseId,
    MessageId,
    OrganizationId,
    PassageId,
    SourceId,
    TurnId,
    WebhookEndpointId,
    conversation_id,
)
from contracts.ingestion import IngestDocument
from contracts.sources import BeginSync, SourceRef, SyncRef
from domain.business_events import message_sent
from domain.chunking import Chunk
from domain.unanswered import question_id
from tests.api.conftest import Organization, created

SHARED_NUMBER: Final = "34600111222"
ANOTHER_NUMBER: Final = "34600333444"
SHARED_WORD: Final = "opening"
"""In a passage of everyone's, so that everyone's search would find everyone's."""
_ID: Final = re.compile(r"\b[a-z]{2,5}_[0-9A-Za-z]{26,52}\b")


@dataclass
class Populated:
    """An organisation and what it has."""

    organization: Organization
    marker: str
    ids: dict[str, str] = field(default_factory=dict)
    """By the name of the path parameter that takes it."""

    @property
    def id(self) -> str:
        return self.organization.id

    def private(self) -> Iterator[str]:
        """What no answer to anybody else may hold."""
        yield self.marker
        yield from self.ids.values()


async def populate(organization: Organization, services: Services) -> Populated:
    marker = f"zq{secrets.token_hex(8)}"
    populated = Populated(organization, marker, {"organization_id": organization.id})
    # Two of each, so that lists have a second page, to which a cursor leads.
    for number in (SHARED_NUMBER, ANOTHER_NUMBER):
        await _configuration(populated)
        await _knowledge(populated, services)
        await _source(populated, services)
        await _conversation(populated, services, number)
    await _webhooks(populated, services)
    await DeadLetters(services.table).park(
        OrganizationId(organization.id), reason=marker, raw=marker.encode()
    )
    await _what_the_platform_has(populated, services)
    return populated


def ids_in(text: str) -> set[str]:
    """Everything in an answer that looks like an id of ours."""
    return set(_ID.findall(text))


async def _configuration(to: Populated) -> None:
    admin, path, marker = to.organization.admin, to.organization.path, to.marker
    renamed = await admin.patch(path, json={"name": marker, "settings": {"note": marker}})
    assert renamed.status_code == 200, renamed.text
    base = await created(
        admin, f"{path}/knowledge-bases", name=marker, description=marker, language="english"
    )
    assistant = await created(
        admin,
        f"{path}/assistants",
        name=marker,
        instructions=marker,
        knowledge_base_ids=[base["id"]],
        welcome_message=marker,
    )
    channel = await created(
        admin,
        f"{path}/channels",
        phone_number_id=str(secrets.randbelow(10**30)),
        waba_id=str(secrets.randbelow(10**30)),
        display_phone_number=f"+{secrets.randbelow(10**14)}",
        access_token=f"token {marker}",
        app_secret=f"secret {marker}",
        verify_token=f"verify {marker}",
        assistant_id=assistant["id"],
    )
    key = await created(admin, f"{path}/api-keys", name=marker, role="viewer")
    to.ids |= {
        "knowledge_base_id": base["id"],
        "assistant_id": assistant["id"],
        "channel_id": channel["id"],
        "api_key_id": key["id"],
    }


async def _knowledge(to: Populated, services: Services) -> None:
    """A document that is searched: its passages are there, under a version that is switched on."""
    base = to.ids["knowledge_base_id"]
    text = f"The {SHARED_WORD} hours are told by {to.marker}."
    document = await created(
        to.organization.admin,
        f"{to.organization.path}/knowledge-bases/{base}/documents",
        status=202,
        title=to.marker,
        text=text,
    )
    ref = IngestDocument(
        organization_id=OrganizationId(to.id),
        knowledge_base_id=KnowledgeBaseId(base),
        document_id=DocumentId(document["id"]),
    )
    ingestions = Ingestions(services.database)
    chunk = Chunk(text=text, start=0, end=len(text), heading=to.marker, page=None)
    version = await ingestions.stage(ref, chunks=[chunk])
    _, (passage,) = await ingestions.staged(ref, version=version, start=0, end=1)
    digest = hashlib.sha256(text.encode()).hexdigest()
    await ingestions.activate(ref, version=version, content_sha256=digest, passage_count=1)
    to.ids |= {"document_id": document["id"], "passage_id": passage.passage_id}


async def _source(to: Populated, services: Services) -> None:
    """A source with a document, and a sync that has changed something."""
    base, admin = to.ids["knowledge_base_id"], to.organization.admin
    made = await created(
        admin,
        f"{to.organization.path}/knowledge-bases/{base}/sources",
        type="sitemap",
        name=to.marker,
        # Of the names that stand for nothing (RFC 6761): nobody is called.
        url=f"https://{to.marker}.invalid/sitemap.xml",
        schedule={"cron": "0 6 * * *"},
    )
    ref = SourceRef(
        organization_id=OrganizationId(to.id),
        knowledge_base_id=KnowledgeBaseId(base),
        source_id=SourceId(made["id"]),
    )
    syncs = Syncs(services.database)
    for number in range(2):
        run_id, _source = await syncs.begin(BeginSync(source=ref, workflow_id=f"sync/{number}"))
        sync = SyncRef(source=ref, run_id=run_id)
        await syncs.write_list(sync, Listing([Listed(to.marker, title=to.marker)]))
        (item,) = await syncs.items(sync, start=0, end=1)
        await syncs.fail_item(sync, item, f"Reason {to.marker}")
        await syncs.finish(sync, error=f"Error {to.marker}", next_run_at=None)
    to.ids |= {"source_id": ref.source_id, "source_run_id": run_id}


async def _conversation(to: Populated, services: Services, number: str) -> None:
    """A person with a number that others know, too; a message each way."""
    tenant = OrganizationId(to.id)
    identity = PersonIdentity(wa_id=number, profile_name=to.marker)
    # Of its own: a cache that forgets the organisation must not hide what the keys do.
    person = await People(services.table).resolve(tenant, identity)
    async with services.database.tenant(tenant) as session:
        await whatsapp_users.remember(
            session,
            person,
            organization_id=tenant,
            wa_id=number,
            profile_name=to.marker,
        )
        row = await whatsapp_users.get(session, person, lock=True)
        assert row is not None
        for state in (*get_args(ConsentState), "opted_in"):
            await consents.record(
                session, row, state=state, source="api", at=datetime.now(UTC), detail=to.marker
            )
    channel = ChannelId(to.ids["channel_id"])
    conversation = ConversationRef(
        organization_id=tenant,
        channel_id=channel,
        person_id=person,
        conversation_id=conversation_id(channel, person),
    )
    turn = Turn(conversation=conversation, turn_id=TurnId(f"turn_{ULID()}"), message_ids=[])
    asked = InboundRecord(
        message_id=MessageId(f"msg_{ULID()}"),
        message=InboundMessage(
            whatsapp_message_id=f"wamid.{number}.in",
            type="text",
            reply="answer",
            text=f"Question {to.marker}",
            sent_at=datetime.now(UTC),
        ),
    )
    await services.conversations.record_inbound(
        RecordInbound(
            conversation=conversation, turn_id=turn.turn_id, messages=[asked], opening=True
        )
    )
    outbox, answer = Outbox(services.table), MessageId(f"msg_{ULID()}")
    await outbox.save_draft(turn, Draft(parts=(DraftPart(text=f"Draft {to.marker}"),)))
    citation = Citation(
        passage_id=PassageId(to.ids["passage_id"]),
        document_id=DocumentId(to.ids["document_id"]),
        title=to.marker,
    )
    await outbox.claim(
        turn, message_id=answer, part=0, text=f"Answer {to.marker}", citations=[citation]
    )
    await outbox.mark_sent(
        conversation, message_id=answer, whatsapp_message_id=f"wamid.{number}.out"
    )
    doubtful = MessageId(f"msg_{ULID()}")
    await outbox.claim(turn, message_id=doubtful, part=1, text=f"Doubtful {to.marker}")
    await outbox.mark_uncertain(conversation, message_id=doubtful)
    await services.summaries.write(
        tenant, conversation.conversation_id, None, text=f"Summary {to.marker}", source="model",
        begins_after=None, covers_up_to=asked.message_id, changes_seen_up_to=asked.message_id,
    )  # fmt: skip
    fact = await created(
        to.organization.operator,
        f"{to.organization.path}/whatsapp-users/{person}/facts",
        statement=f"Fact {to.marker}",
    )
    base, question = KnowledgeBaseId(to.ids["knowledge_base_id"]), f"Who knows {to.marker}?"
    async with services.database.tenant(tenant) as session:
        # Two, for a list of two pages; of everybody the one with the marker is named below.
        for words in (f"What is {to.marker}?", question):
            await unanswered_questions.add(
                session, words, knowledge_base_ids=[base], conversation=conversation
            )
    to.ids |= {
        "question_id": question_id(base, question),
        "whatsapp_user_id": person,
        "fact_id": fact["id"],
        "conversation_id": conversation.conversation_id,
        "message_id": answer,
    }


async def _webhooks(to: Populated, services: Services) -> None:
    """An endpoint that has been tried, and has not taken an event."""
    for _ in range(2):
        endpoint = await created(
            to.organization.admin,
            f"{to.organization.path}/webhook-endpoints",
            # Of the names that stand for nothing (RFC 6761): nobody is called.
            url=f"https://{to.marker}.invalid/hook",
            description=to.marker,
        )
    endpoint_id = WebhookEndpointId(endpoint["id"])
    for _ in range(2):
        event = message_sent(
            OrganizationId(to.id),
            ConversationId(to.ids["conversation_id"]),
            MessageId(f"msg_{ULID()}"),
            at=datetime.now(UTC),
        )
        await services.webhooks.buried.add(endpoint_id, event, reason=to.marker)
        await services.webhooks.deliveries.add(
            event.organization_id,
            endpoint_id,
            DeliveryAttempt(
                event_id=event.id,
                type=event.type,
                attempt=1,
                error=to.marker,
                duration_ms=1,
                attempted_at=datetime.now(UTC),
            ),
        )
    to.ids |= {"webhook_endpoint_id": endpoint_id, "event_id": event.id}


async def _what_the_platform_has(to: Populated, services: Services) -> None:
    """A key of the platform's, which is nobody else's business, and an erasure."""
    async with services.database.platform() as session:
        key = await api_keys.create(
            session, name=to.marker, role="platform_admin", organization_id=None
        )
        erasure = Erasure(
            id=ErasureId(f"era_{ULID()}"),
            organization_id=OrganizationId(to.id),
            kind="whatsapp_user",
            subject_id=f"wau_{to.marker}",
            requested_by=key.key.id,
        )
        session.add(erasure)
    to.ids |= {"platform_api_key_id": key.key.id, "erasure_id": erasure.id}


async def complete(populated: Populated, document: dict[str, Any]) -> list[str]:
    """Find ids for path parameters that nobody thought of here; those that stay without one.

    The list at the path before the parameter is asked for its first item. Failing that, one is made
    there from the example of the document.
    """
    missing: list[str] = []
    for path in sorted(document["paths"], key=len):
        for parameter in re.findall(r"\{(\w+)\}", path):
            if parameter in populated.ids:
                continue
            collection = path.partition(f"/{{{parameter}}}")[0]
            found = await _any_of(populated, collection, document)
            if found is None:
                missing.append(f"{parameter} of {path}")
            else:
                populated.ids[parameter] = found
    return missing


async def _any_of(populated: Populated, path: str, document: dict[str, Any]) -> str | None:
    methods = document["paths"].get(path, {})
    admin, url = populated.organization.admin, path.format_map(populated.ids)
    if "get" in methods and (found := _first_id(await admin.get(url))):
        return found
    if "post" in methods:
        content = methods["post"]["requestBody"]["content"]["application/json"]
        reference = content["schema"]["$ref"].rsplit("/", 1)[-1]
        example = document["components"]["schemas"][reference]["examples"][0]
        made = await admin.post(url, json=example)
        if made.is_success:
            identifier: str | None = made.json().get("id")
            return identifier
    return None


def _first_id(answer: httpx.Response) -> str | None:
    if not answer.is_success:
        return None
    items = answer.json().get("items") or [{}]
    identifier: str | None = items[0].get("id")
    return identifier
