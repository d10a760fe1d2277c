"""Usage over HTTP, by the organisation's clock."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from adapters.dynamodb.conversations import Conversations
from adapters.dynamodb.outbox import Draft, DraftPart, Outbox
from adapters.postgres import usage as rolled
from adapters.usage import UsageReport
from api.schemas.usage import UsagePublic
from api.services import Services
from contracts.ids import ChannelId, MessageId, OrganizationId
from domain.pricing import PriceTable
from domain.usage import COST, QUARTER, Cell, quarter_of
from domain.usage_periods import Periods
from tests.adapters.dynamodb.builders import a_conversation, a_record, a_request, a_turn, an_id
from tests.api.conftest import Organization, check_problem

CHANNEL = ChannelId("chn_a")


@pytest.fixture
def services(app: FastAPI) -> Services:
    found: Services = app.state.services
    return found


async def ask(organization: Organization, **query: str) -> dict[str, Any]:
    response = await organization.viewer.get(f"{organization.path}/usage", params=query)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def move_to(organization: Organization, timezone: str) -> ZoneInfo:
    response = await organization.admin.patch(organization.path, json={"timezone": timezone})
    assert response.status_code == 200, response.text
    return ZoneInfo(timezone)


async def write_down(
    services: Services, organization: Organization, *cells: tuple[datetime, str, int]
) -> None:
    """As rolled up: for what happened long ago."""
    organization_id = OrganizationId(organization.id)
    async with services.database.tenant(organization_id) as session:
        await rolled.record(
            session,
            organization_id,
            {Cell(quarter_of(at), CHANNEL, None, metric): value for at, metric, value in cells},
            rolled_until=quarter_of(datetime.now(UTC)) - QUARTER,
        )


async def talk(services: Services, organization: Organization) -> None:
    """Somebody writes twice, and is answered by a model once."""
    ref = a_conversation(OrganizationId(organization.id), channel_id=ChannelId(an_id("chn")))
    conversations, outbox, turn = Conversations(services.table), Outbox(services.table), a_turn(ref)
    await conversations.record_inbound(a_request(ref, a_record(), a_record(), opening=True))
    await outbox.save_draft(
        turn,
        Draft(
            parts=(DraftPart(text="Yes."),),
            model="gpt-5-mini-2025-08-07",
            input_tokens=1000,
            cached_tokens=600,
            output_tokens=50,
        ),
    )
    await outbox.claim(turn, message_id=MessageId("msg_1"), part=0, text="Yes.")


async def test_a_conversation_shows_within_seconds_in_all_its_parts(
    ours: Organization, services: Services
) -> None:
    await talk(services, ours)
    usage = await ask(ours, granularity="hour")
    totals = usage["totals"]
    assert totals["messages"] == {
        "inbound": 2,
        "outbound": 1,
        "inbound_by_type": {"text": 2},
        "outbound_by_type": {"text": 1},
    }
    assert totals["tokens"] == {"input": 1000, "cached": 600, "output": 50, "embedding": 0}
    assert (totals["cost_microusd"], totals["cost_usd"]) == (215, "0.000215")
    assert (totals["documents"], totals["passages"], totals["storage_bytes"]) == (0, 0, 0)
    assert sum(bucket["messages"]["inbound"] for bucket in usage["buckets"]) == 2
    [channel] = usage["by_channel"]
    assert channel["messages"] == totals["messages"]
    assert [(each["model"], each["cost_microusd"]) for each in usage["by_model"]] == [
        ("gpt-5-mini-2025-08-07", 215),
        (None, 0),
    ]
    assert (usage["unpriced_models"], usage["complete"]) == ([], True)


async def test_nothing_of_it_is_anothers(
    ours: Organization, theirs: Organization, services: Services
) -> None:
    await talk(services, ours)
    usage = await ask(theirs)
    assert (usage["by_channel"], usage["totals"]["messages"]["inbound"]) == ([], 0)
    check_problem(await theirs.viewer.get(f"{ours.path}/usage"), 404)


async def test_by_default_it_is_this_month_by_days(ours: Organization) -> None:
    zone = await move_to(ours, "Asia/Kathmandu")
    usage = await ask(ours)
    today = datetime.now(zone).date()
    assert usage["granularity"] == "day"
    assert usage["timezone"] == "Asia/Kathmandu"
    assert usage["start"] == f"{today.replace(day=1)}T00:00:00+05:45"
    assert len(usage["buckets"]) == today.day


async def test_a_day_begins_at_midnight_of_the_organisation(
    ours: Organization, services: Services
) -> None:
    zone = await move_to(ours, "Asia/Kathmandu")
    midnight = datetime(2026, 3, 2, tzinfo=zone)
    await write_down(
        services,
        ours,
        (midnight - QUARTER, "messages_inbound.text", 1),
        (midnight, "messages_inbound.text", 10),
        (midnight + timedelta(days=1), "messages_inbound.text", 100),
    )
    days = await ask(ours, **{"from": "2026-03-01", "to": "2026-03-03"})
    assert [(bucket["start"], bucket["messages"]["inbound"]) for bucket in days["buckets"]] == [
        ("2026-03-01T00:00:00+05:45", 1),
        ("2026-03-02T00:00:00+05:45", 10),
    ]
    hours = await ask(
        ours, **{"from": "2026-03-01T18:15:00Z", "to": "2026-03-01T18:16:00Z"}, granularity="hour"
    )
    [bucket] = hours["buckets"]
    assert (bucket["start"], bucket["messages"]["inbound"]) == ("2026-03-02T00:00:00+05:45", 10)


@pytest.mark.parametrize(
    ("day", "next_day", "hours"),
    [("2026-03-29", "2026-03-30", 23), ("2025-10-26", "2025-10-27", 25)],
)
async def test_a_day_on_which_clocks_change_has_other_hours_and_the_same_sum(
    ours: Organization, services: Services, day: str, next_day: str, hours: int
) -> None:
    zone = await move_to(ours, "Europe/Madrid")
    start = datetime.fromisoformat(day).replace(tzinfo=zone).astimezone(UTC)
    end = datetime.fromisoformat(next_day).replace(tzinfo=zone).astimezone(UTC)
    quarters = [start + number * QUARTER for number in range(int((end - start) / QUARTER))]
    await write_down(services, ours, *((at, "messages_inbound.text", 1) for at in quarters))
    answers = [
        await ask(ours, **{"from": day, "to": next_day}, granularity=granularity)
        for granularity in ("hour", "day", "month")
    ]
    assert [len(answer["buckets"]) for answer in answers] == [hours, 1, 1]
    assert {bucket["messages"]["inbound"] for bucket in answers[0]["buckets"]} == {4}
    assert {answer["totals"]["messages"]["inbound"] for answer in answers} == {4 * hours}


async def test_a_moved_organisation_sees_all_its_past_by_its_new_clock(
    ours: Organization, services: Services
) -> None:
    await write_down(
        services, ours, (datetime(2026, 3, 1, 23, 30, tzinfo=UTC), "messages_inbound.text", 3)
    )
    await move_to(ours, "Australia/Lord_Howe")
    usage = await ask(ours, **{"from": "2026-03-02", "to": "2026-03-03"})
    assert usage["totals"]["messages"]["inbound"] == 3


async def test_documents_and_their_bytes_show_at_once(ours: Organization) -> None:
    async def create(path: str, **body: str) -> dict[str, Any]:
        response = await ours.admin.post(path, json=body)
        assert response.status_code in (201, 202), response.text
        created: dict[str, Any] = response.json()
        return created

    base = await create(f"{ours.path}/knowledge-bases", name="Help")
    for title in ("Once", "Twice"):
        documents = f"{ours.path}/knowledge-bases/{base['id']}/documents"
        await create(documents, title=title, text="We deliver.")
    totals = (await ask(ours))["totals"]
    assert (totals["documents"], totals["storage_bytes"]) == (2, len("We deliver."))


async def test_models_without_a_price_are_named(ours: Organization, services: Services) -> None:
    turn = a_turn(a_conversation(OrganizationId(ours.id)))
    await Outbox(services.table).save_draft(
        turn, Draft(parts=(), model="our-own", input_tokens=10, output_tokens=2)
    )
    usage = await ask(ours)
    assert usage["unpriced_models"] == ["our-own"]
    assert (usage["totals"]["tokens"]["input"], usage["totals"]["cost_usd"]) == (10, "0.000000")


@pytest.mark.parametrize(
    ("query", "field", "says"),
    [
        ({"from": "yesterday"}, "from", "must be a date such as 2026-03-01"),
        ({"from": "2026-03-01T00:00:00"}, "from", "with its offset"),
        ({"to": "2026-02-30"}, "to", "must be a date"),
        ({"to": "0001-01-01"}, "to", "must"),
        ({"to": "9999-12-31T23:59:59-12:00"}, "to", "must"),
        ({"from": "2026-03-02", "to": "2026-03-02"}, "to", "later than `from`"),
        ({"from": "2001-01-01", "granularity": "hour"}, "granularity", "choose longer buckets"),
        ({"granularity": "week"}, "granularity", "'hour', 'day' or 'month'"),
    ],
)
async def test_what_cannot_be_asked_is_said(
    ours: Organization, query: dict[str, str], field: str, says: str
) -> None:
    problem = check_problem(await ours.viewer.get(f"{ours.path}/usage", params=query), 422)
    [error] = problem["errors"]
    assert (error["location"], error["field"]) == ("query", field)
    assert says in error["detail"]


async def test_a_key_is_needed(ours: Organization, stranger: httpx.AsyncClient) -> None:
    check_problem(await stranger.get(f"{ours.path}/usage"), 401)


METRICS = st.sampled_from(
    ["messages_inbound.text", "messages_outbound.image", "tokens_input", "tokens_output", COST]
)
SUMS = st.dictionaries(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from([None, "chn_a", "chn_b"]),
        st.sampled_from([None, "gpt-5", "our-own"]),
        METRICS,
    ),
    st.integers(1, 2**53),
)


@given(sums=SUMS)
def test_buckets_channels_and_models_each_come_to_the_totals(
    sums: dict[tuple[int, str | None, str | None, str], int],
) -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    report = UsageReport(
        periods=Periods([start + number * QUARTER for number in range(5)]),
        sums=Counter(sums),
        levels={},
        complete=True,
    )
    report.levels.update({name: [None] * 4 for name in ("documents", "passages", "storage_bytes")})
    shown = UsagePublic.of(report, zone=ZoneInfo("UTC"), granularity="hour", prices=PriceTable())
    for parts in (shown.buckets, shown.by_channel, shown.by_model):
        assert sum(part.messages.inbound for part in parts) == shown.totals.messages.inbound
        assert sum(part.messages.outbound for part in parts) == shown.totals.messages.outbound
        assert sum(part.tokens.input for part in parts) == shown.totals.tokens.input
        assert sum(part.tokens.output for part in parts) == shown.totals.tokens.output
        assert sum(part.cost_microusd for part in parts) == shown.totals.cost_microusd
        assert sum(Decimal(part.cost_usd) for part in parts) == Decimal(shown.totals.cost_usd)
    assert shown.totals.cost_microusd == sum(
        value for (_, _, _, metric), value in sums.items() if metric == COST
    )
