"""What a recorded message asks for besides an answer, and what is said then without a model."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment
from ulid import ULID

from adapters.dynamodb.outbox import Outbox
from adapters.dynamodb.table import Table
from adapters.openai.chat import Completion, CompletionRequest
from adapters.postgres import assistants, whatsapp_users
from adapters.postgres.assistant_profiles import AssistantProfiles
from adapters.postgres.database import Database
from adapters.postgres.tables import WhatsAppUser
from contracts.conversation import (
    CannedKind,
    CannedReply,
    ConversationRef,
    DraftedReply,
    GenerateReply,
    InboundRecord,
    RecordedInbound,
    Turn,
)
from contracts.handoff import HandoffRules, HandoffSettings
from domain.business_hours import BusinessHours
from domain.canned import canned_text
from tests.activities.test_quotas import KEY_RING, Shop
from tests.adapters.dynamodb.builders import a_record, a_request, a_turn


@pytest.fixture
async def shop(database: Database, table: Table) -> AsyncIterator[Shop]:
    async with AssistantProfiles(database, KEY_RING) as profiles:
        shop = Shop(database, table, profiles)
        await shop.open()
        yield shop


async def set_up(shop: Shop, **changes: Any) -> None:
    """Change the assistant; returns when this process has heard of it."""
    async with shop.database.tenant(shop.organization_id) as session:
        assistant = await assistants.get(session, shop.assistant_id)
        assert assistant is not None
        await assistants.update(session, assistant, changes=changes)

    read = {"handoff": HandoffSettings.of, "business_hours": BusinessHours.of}
    wanted = {name: read.get(name, lambda one: one)(value) for name, value in changes.items()}
    async with asyncio.timeout(10):
        while True:
            profile = await shop.profiles.for_channel(shop.organization_id, shop.channel.id)
            if all(getattr(profile, name) == value for name, value in wanted.items()):
                return
            await asyncio.sleep(0.01)


def wrote(text: str, **changes: Any) -> InboundRecord:
    record = a_record()
    told = {"text": text, "type": "text", "reply": "answer"} | changes
    return record.model_copy(update={"message": record.message.model_copy(update=told)})


async def record(
    shop: Shop, *records: InboundRecord, ref: ConversationRef | None = None, opening: bool = True
) -> RecordedInbound:
    request = a_request(ref or shop.conversation(), *records)
    return await shop.record(request.model_copy(update={"opening": opening}))


async def person_of(shop: Shop, ref: ConversationRef) -> WhatsAppUser | None:
    async with shop.database.tenant(shop.organization_id) as session:
        return await whatsapp_users.get(session, ref.person_id)


async def test_who_asks_for_a_human_is_handed_over(shop: Shop) -> None:
    recorded = await record(shop, wrote("Hi"), wrote("Can I speak to a human?"))
    assert recorded.handoff == "person"
    await set_up(shop, handoff={"phrases": ["der Chef"]})
    recorded = await record(shop, wrote("Ist der Chef da?"))
    assert recorded.handoff == "person"


async def test_who_is_upset_is_handed_over_where_the_assistant_says_so(shop: Shop) -> None:
    assert (await record(shop, wrote("you are useless"))).handoff is None
    await set_up(shop, handoff={"on_upset": True})
    recorded = await record(shop, wrote("you are useless"))
    assert recorded.handoff == "upset"


async def test_an_organisation_may_want_no_handoff(shop: Shop) -> None:
    await set_up(shop, handoff={"enabled": False, "on_upset": True})
    recorded = await record(shop, wrote("agent! you are useless"))
    assert recorded.handoff is None
    assert recorded.handoff_rules is not None
    assert recorded.handoff_rules.enabled is False


@pytest.mark.parametrize(
    ("words", "changes", "handoff"),
    [
        ("human please", {"type": "interactive", "choice_id": "b1"}, "person"),
        ("let me talk to a person", {"type": "image"}, "person"),
        ("[contacts: Agent]", {"type": "contacts"}, None),
        ("[edited: agent]", {"type": "edit", "reply": "none"}, None),
        ("agent", {"reply": "none"}, None),
    ],
)
async def test_only_their_own_words_ask(
    shop: Shop, words: str, changes: dict[str, Any], handoff: str | None
) -> None:
    assert (await record(shop, wrote(words, **changes))).handoff == handoff


async def test_the_rules_come_with_the_first_record_of_a_run(shop: Shop) -> None:
    await set_up(shop, handoff={"after_unanswered": 4, "notice": "Eva is here now."})
    ref = shop.conversation()
    opened = await record(shop, wrote("Hi"), ref=ref)
    assert opened.handoff_rules == HandoffRules(after_unanswered=4, notice=True)
    assert (await record(shop, wrote("Hi"), ref=ref, opening=False)).handoff_rules is None


async def test_what_an_earlier_turn_has_had_asks_for_nothing(shop: Shop) -> None:
    ref, asked = shop.conversation(), wrote("agent")
    assert (await record(shop, asked, ref=ref)).handoff == "person"
    again = await record(shop, asked, ref=ref)
    assert (again.fresh, again.handoff) == ([], None)


async def test_a_stop_word_is_kept_before_it_is_answered(shop: Shop) -> None:
    ref, stop = shop.conversation(), wrote("STOP")
    assert (await record(shop, stop, ref=ref)).consent == "stopped"
    person = await person_of(shop, ref)
    assert person is not None
    assert person.opted_out_at == stop.message.sent_at
    later = stop.message.sent_at + timedelta(minutes=1)
    assert (await record(shop, wrote("Start", sent_at=later), ref=ref)).consent == "resumed"
    person = await person_of(shop, ref)
    assert person is not None
    assert (person.opted_in_at, person.opted_out_at) == (later, None)


async def test_a_repeated_record_tells_the_same(shop: Shop) -> None:
    ref = shop.conversation()
    await record(shop, wrote("STOP"), ref=ref)
    later = datetime.now(UTC) + timedelta(minutes=1)
    request = a_request(ref, wrote("START", sent_at=later), wrote("a human please"))
    answers = [await shop.record(request) for _ in range(2)]
    assert answers[0] == answers[1]
    assert (answers[0].consent, answers[0].handoff) == ("resumed", "person")


async def test_a_start_that_begins_a_chat_is_answered_like_any_message(shop: Shop) -> None:
    ref = shop.conversation()
    assert (await record(shop, wrote("Start"), ref=ref)).consent is None
    person = await person_of(shop, ref)
    assert person is None or person.opted_in_at is None


async def test_a_stop_word_past_a_quota_is_kept_all_the_same(shop: Shop) -> None:
    await shop.open(messages_per_day=0)
    ref = shop.conversation()
    recorded = await record(shop, wrote("STOP"), ref=ref)
    assert recorded.limit is not None
    assert recorded.consent == "stopped"
    person = await person_of(shop, ref)
    assert person is not None
    assert person.opted_out_at is not None


CLOSED = {"timezone": "UTC", "week": {}, "holidays": []}


def closed_until_tomorrow() -> dict[str, Any]:
    """Hours of a day that is not today, for a business that opens on it."""
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
    opens = {"date": tomorrow.isoformat(), "hours": [{"opens": "09:00", "closes": "18:00"}]}
    return CLOSED | {"holidays": [opens]}


async def said(shop: Shop, kind: CannedKind) -> str:
    turn = a_turn(shop.conversation())
    drafted: DraftedReply = await ActivityEnvironment().run(
        shop.replies.draft_canned_reply, CannedReply(turn=turn, kind=kind)
    )
    draft = await Outbox(shop.table).draft(turn, drafted.draft_id)
    assert draft is not None
    (part,) = draft.parts
    return part.text


async def test_the_assistant_has_its_own_words(shop: Shop) -> None:
    kinds: tuple[CannedKind, ...] = ("handoff", "taken_over", "stopped", "resumed")
    for kind in kinds:
        assert await said(shop, kind) == canned_text(kind, language=None)
    await set_up(
        shop,
        stopped_message="Bye.",
        resumed_message="Hi again.",
        handoff={"message": "One moment.", "notice": "Eva is here now."},
    )
    words = [await said(shop, kind) for kind in kinds]
    assert words == ["One moment.", "Eva is here now.", "Bye.", "Hi again."]


async def test_who_is_called_while_nobody_is_there_is_announced_with_the_time(shop: Shop) -> None:
    always = CLOSED | {
        "week": {
            day: [{"opens": "00:00", "closes": "00:00"}]
            for day in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday",
                        "sunday")
        }
    }  # fmt: skip
    await set_up(shop, language="es", business_hours=always)
    assert await said(shop, "handoff") == canned_text("handoff", language="es")
    await set_up(shop, business_hours=closed_until_tomorrow())
    handed_over = await said(shop, "handoff")
    assert handed_over == (
        f"{canned_text('handoff', language='es')} Volvemos a abrir mañana a las 09:00."
    )
    assert await said(shop, "stopped") == canned_text("stopped", language="es")
    await set_up(shop, business_hours=CLOSED)
    assert await said(shop, "handoff") == canned_text("handoff", language="es")


async def prompted(shop: Shop, *, sent_at: datetime | None = None) -> str:
    """The prompt of a turn with one message, as the model gets it."""
    requests: list[CompletionRequest] = []
    complete = shop.model.complete

    async def noted(request: CompletionRequest, **named: Any) -> Completion:
        requests.append(request)
        return await complete(request, **named)

    shop.model.complete = noted  # type: ignore[method-assign] # the test's own model
    ref = shop.conversation()
    asked = wrote("When?", sent_at=sent_at or datetime.now(UTC))
    request = a_request(ref, asked)
    await shop.record(request)
    turn = Turn(
        conversation=ref,
        turn_id=request.turn_id,
        message_ids=[asked.message_id],
        trace_id=str(ULID()),
    )
    await ActivityEnvironment().run(
        shop.replies.generate_reply, GenerateReply(turn=turn, passages=())
    )
    return requests[-1].messages[-1].content


async def test_the_model_knows_whether_the_team_is_there(shop: Shop) -> None:
    assert '"open"' not in await prompted(shop)
    await set_up(shop, business_hours=closed_until_tomorrow())
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert f'"open": false, "opens_next": "{tomorrow:%A %Y-%m-%d}T09:00+0000"' in await prompted(
        shop
    )
    await set_up(shop, business_hours=CLOSED)
    assert '"open": false, "opens_next": null' in await prompted(shop)


@pytest.mark.parametrize(("hours_ago", "late"), [(0, False), (0.9, False), (1.1, True), (30, True)])
async def test_a_message_that_waited_is_answered_as_late(
    shop: Shop, hours_ago: float, late: bool
) -> None:
    prompt = await prompted(shop, sent_at=datetime.now(UTC) - timedelta(hours=hours_ago))
    assert f'"late": {str(late).lower()}' in prompt
