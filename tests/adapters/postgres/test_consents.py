"""Who wants proactive messages: the newest word counts, in whatever order it becomes known."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from ulid import ULID

from adapters.postgres import consents, erasures, organizations, whatsapp_users
from adapters.postgres.consents import Consents
from adapters.postgres.database import Database
from adapters.postgres.tables import Consent, ConsentState, WhatsAppUser
from contracts.erasure import Erase
from contracts.ids import ApiKeyId, OrganizationId, PersonId, erasure_id
from tests.adapters.postgres.conftest import Pair

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def at(minute: int) -> datetime:
    return NOON + timedelta(minutes=minute)


def somebody() -> PersonId:
    return PersonId(f"wau_{ULID()}")


async def known(
    database: Database, organization: OrganizationId, person_id: PersonId
) -> WhatsAppUser:
    async with database.tenant(organization) as session:
        person = await whatsapp_users.get(session, person_id)
    assert person is not None
    return person


async def recorded(
    database: Database, organization: OrganizationId, person_id: PersonId
) -> list[Consent]:
    person = await known(database, organization, person_id)
    async with database.tenant(organization) as session:
        return (await consents.page(session, person, limit=100, cursor=None)).items


async def test_who_is_not_in_the_list_yet_gets_a_row(database: Database, pair: Pair) -> None:
    person_id = somebody()
    await Consents(database).preference(pair.ours, person_id, stopped=True, at=at(0))
    person = await known(database, pair.ours, person_id)
    assert (person.opted_out_at, person.opted_in_at, person.wa_id) == (at(0), None, None)
    # What a message then tells of them is added.
    async with database.tenant(pair.ours) as session:
        await whatsapp_users.remember(
            session, person_id, organization_id=pair.ours, wa_id="34600", profile_name="Eva"
        )
    person = await known(database, pair.ours, person_id)
    assert (person.opted_out_at, person.wa_id) == (at(0), "34600")


async def test_an_event_is_kept_with_its_source_once(database: Database, pair: Pair) -> None:
    person_id, store = somebody(), Consents(database)
    for _ in range(2):
        await store.opted_out(pair.ours, person_id, source="error_131050", at=at(1))
        await store.preference(pair.ours, person_id, stopped=False, at=at(2))
        await store.opted_in(pair.ours, person_id, source="import", at=at(0))
    kept = await recorded(database, pair.ours, person_id)
    assert sorted((one.occurred_at, one.state, one.source) for one in kept) == [
        (at(0), "opted_in", "import"),
        (at(1), "opted_out", "error_131050"),
        (at(2), "opted_in", "user_preferences"),
    ]
    assert {one.category for one in kept} == {"marketing"}


async def test_opting_out_again_keeps_the_time_of_the_first(database: Database, pair: Pair) -> None:
    person_id, store = somebody(), Consents(database)
    await store.opted_in(pair.ours, person_id, source="message", at=at(0))
    for minute in (3, 2, 5):
        await store.opted_out(pair.ours, person_id, source="message", at=at(minute))
    assert (await known(database, pair.ours, person_id)).opted_out_at == at(2)


class Event(NamedTuple):
    minute: int
    state: ConsentState


_EVENTS = st.lists(
    st.builds(Event, st.integers(0, 5), st.sampled_from(["opted_in", "opted_out"])),
    min_size=1,
    max_size=7,
)


def standing(events: Sequence[Event]) -> tuple[datetime | None, datetime | None]:
    """What follows from all of them, however they came: opted in since, opted out since."""
    said = sorted(events, key=lambda one: (one.minute, one.state))  # an opt-out is the later
    newest = said[-1].state
    others = [one.minute for one in said if one.state != newest]
    last = max(others, default=-1)
    since = min(
        one.minute
        for one in said
        if one.state == newest
        and (one.minute > last or (newest == "opted_out" and one.minute == last))
    )
    return (at(since), None) if newest == "opted_in" else (None, at(since))


async def test_late_and_repeated_events_do_not_undo_newer_ones(
    database: Database, pair: Pair
) -> None:
    # Histories are drawn here and played below: Hypothesis does not run coroutines.
    histories: list[tuple[list[Event], list[Event]]] = []

    @settings(max_examples=40, database=None, derandomize=True)
    @given(_EVENTS, st.randoms(use_true_random=False))
    def draw(events: list[Event], random: object) -> None:
        shuffled = events * 2
        random.shuffle(shuffled)  # type: ignore[attr-defined] # Hypothesis's random.Random
        histories.append((events, shuffled))

    draw()
    store = Consents(database)
    for events, delivered in histories:
        person_id, so_far = somebody(), list[Event]()
        for event in delivered:
            so_far.append(event)
            record = store.opted_in if event.state == "opted_in" else store.opted_out
            await record(pair.ours, person_id, source="message", at=at(event.minute))
            person = await known(database, pair.ours, person_id)
            assert (person.opted_in_at, person.opted_out_at) == standing(so_far)
        kept = await recorded(database, pair.ours, person_id)
        assert len(kept) == len(set(events))


async def test_an_operator_knows_better_than_a_clock_that_is_ahead(
    database: Database, pair: Pair
) -> None:
    person_id, ahead = somebody(), datetime.now(UTC) + timedelta(seconds=40)
    await Consents(database).opted_out(pair.ours, person_id, source="message", at=ahead)
    async with database.tenant(pair.ours) as session:
        person = await whatsapp_users.get(session, person_id, lock=True)
        assert person is not None
        await consents.record_now(session, person, state="opted_in", source="api")
    assert (await known(database, pair.ours, person_id)).opted_out_at is None


async def test_a_word_that_may_begin_a_chat_means_an_opt_in_only_after_an_opt_out(
    database: Database, pair: Pair
) -> None:
    person_id, store = somebody(), Consents(database)

    async def start(minute: int) -> bool:
        return await store.opted_in(
            pair.ours, person_id, source="message", at=at(minute), only_after_opt_out=True
        )

    assert not await start(0)
    assert (await known(database, pair.ours, person_id)).opted_in_at is None
    await store.opted_out(pair.ours, person_id, source="message", at=at(1))
    # Whatever is repeated is answered as the first time.
    assert [await start(2), await start(2)] == [True, True]
    assert (await known(database, pair.ours, person_id)).opted_in_at == at(2)
    assert not await start(3)
    assert len(await recorded(database, pair.ours, person_id)) == 2


@pytest.mark.parametrize(
    ("said", "require_opt_in", "may"),
    [
        (None, None, True),
        (None, True, False),
        (None, False, True),
        (None, "true", True),
        ("opted_in", None, True),
        ("opted_out", None, False),
        ("opted_out", False, False),
    ],
)
async def test_who_gets_proactive_messages(
    database: Database,
    pair: Pair,
    said: ConsentState | None,
    require_opt_in: object,
    may: bool,
) -> None:
    person_id, store = somebody(), Consents(database)
    if require_opt_in is not None:
        async with database.tenant(pair.ours) as session:
            organization = await organizations.get(session, pair.ours)
            assert organization is not None
            await organizations.update(
                session, organization, changes={"settings": {"require_opt_in": require_opt_in}}
            )
    if said == "opted_in":
        await store.opted_in(pair.ours, person_id, source="import", at=at(0))
    if said == "opted_out":
        await store.opted_out(pair.ours, person_id, source="message", at=at(0))
    assert await store.may_send_proactively(pair.ours, person_id) is may


async def test_the_consent_of_a_person_of_others_is_not_ours(
    database: Database, pair: Pair
) -> None:
    person_id, store = somebody(), Consents(database)
    await store.opted_out(pair.theirs, person_id, source="message", at=at(0))
    assert not await store.may_send_proactively(pair.theirs, person_id)
    assert await store.may_send_proactively(pair.ours, person_id)
    with pytest.raises(LookupError):
        await store.opted_in(pair.ours, person_id, source="message", at=at(1))
    assert (await known(database, pair.theirs, person_id)).opted_out_at == at(0)


async def test_an_organisation_that_is_gone_sends_nothing(database: Database) -> None:
    gone = organizations.new_organization_id()
    assert not await Consents(database).may_send_proactively(gone, somebody())


async def test_the_record_goes_with_the_person_who_does_not_come_back(
    database: Database, pair: Pair
) -> None:
    person_id, store = somebody(), Consents(database)
    await store.opted_out(pair.ours, person_id, source="message", at=at(0))
    request = Erase(
        erasure_id=erasure_id(person_id),
        kind="whatsapp_user",
        organization_id=pair.ours,
        subject_id=person_id,
        requested_by=ApiKeyId("key_1"),
        settle_seconds=0,
    )
    async with database.platform() as session:
        await erasures.begin(session, request)
    await store.opted_out(pair.ours, person_id, source="error_131050", at=at(1))
    assert not await store.opted_in(pair.ours, person_id, source="api", at=at(2))
    async with database.platform() as session:
        count = await (await session.connection()).execute(
            text("SELECT count(*) FROM consents WHERE whatsapp_user_id = :id"), {"id": person_id}
        )
        assert count.scalar() == 0
        assert await whatsapp_users.get(session, person_id) is None


@pytest.mark.parametrize("role", ["tenant", "platform"])
@pytest.mark.parametrize(
    "statement", ["UPDATE consents SET state = 'opted_in'", "DELETE FROM consents"]
)
async def test_nobody_alters_a_record(
    database: Database, pair: Pair, role: str, statement: str
) -> None:
    scope = database.tenant(pair.ours) if role == "tenant" else database.platform()
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with scope as session:
            await (await session.connection()).execute(text(statement))
