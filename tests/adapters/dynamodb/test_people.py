import asyncio

import pytest

from adapters.dynamodb.keys import Key
from adapters.dynamodb.people import People, PersonIdentity
from adapters.dynamodb.table import Table
from adapters.dynamodb.values import Plain
from contracts.ids import OrganizationId, PersonId
from tests.adapters.dynamodb.builders import an_organization

NUMBER, OTHER_NUMBER = "34600111222", "34600333444"
USER, OTHER_USER = "ES.1349", "ES.777"


class Processes:
    """Resolves each identity as a process of its own would: with nothing cached."""

    def __init__(self, table: Table, organization_id: OrganizationId) -> None:
        self._table = table
        self.organization_id = organization_id

    async def resolve(self, **identity: str | None) -> PersonId:
        return await People(self._table).resolve(self.organization_id, PersonIdentity(**identity))


@pytest.fixture
def anew(table: Table) -> Processes:
    return Processes(table, an_organization())


async def test_a_person_is_made_once(anew: Processes) -> None:
    person = await anew.resolve(wa_id=NUMBER)

    assert person.startswith("wau_")
    assert len(person) == 30
    assert person == person.lower()
    assert NUMBER not in person
    assert await anew.resolve(wa_id=NUMBER) == person
    assert await anew.resolve(wa_id=OTHER_NUMBER) != person


async def test_seen_by_number_then_by_both_then_by_user_id_it_stays_one_person(
    anew: Processes,
) -> None:
    by_number = await anew.resolve(wa_id=NUMBER)
    by_both = await anew.resolve(wa_id=NUMBER, user_id=USER)
    by_user_id = await anew.resolve(user_id=USER)

    assert by_number == by_both == by_user_id


async def test_seen_by_user_id_then_by_both_then_by_number_it_stays_one_person(
    anew: Processes,
) -> None:
    by_user_id = await anew.resolve(user_id=USER)
    by_both = await anew.resolve(wa_id=NUMBER, user_id=USER)
    by_number = await anew.resolve(wa_id=NUMBER)

    assert by_number == by_both == by_user_id


async def test_two_people_that_turn_out_to_be_one_continue_as_the_one_of_the_user_id(
    anew: Processes,
) -> None:
    await anew.resolve(wa_id=NUMBER)
    by_user_id = await anew.resolve(user_id=USER)

    assert await anew.resolve(wa_id=NUMBER, user_id=USER) == by_user_id
    assert await anew.resolve(wa_id=NUMBER) == by_user_id


async def test_a_recycled_number_belongs_to_another_person(anew: Processes, table: Table) -> None:
    before = await anew.resolve(wa_id=NUMBER, user_id=USER)

    after = await anew.resolve(wa_id=NUMBER, user_id=OTHER_USER)

    assert after != before
    assert await anew.resolve(wa_id=NUMBER) == after
    assert await anew.resolve(user_id=USER) == before
    previous_owner = await People(table).get(anew.organization_id, before)
    assert previous_owner is not None
    assert (previous_owner.wa_id, previous_owner.user_id) == (None, USER)


async def test_a_new_number_of_the_same_user_leads_to_the_same_person(anew: Processes) -> None:
    person = await anew.resolve(wa_id=NUMBER, user_id=USER)

    assert await anew.resolve(wa_id=OTHER_NUMBER, user_id=USER) == person
    assert await anew.resolve(wa_id=OTHER_NUMBER) == person


async def test_nobody_is_made_of_nothing(anew: Processes) -> None:
    with pytest.raises(ValueError, match="wa_id or a user_id"):
        await anew.resolve(profile_name="Ada", wa_id="", user_id=None)


@pytest.mark.parametrize(
    "identities",
    [
        [{"wa_id": NUMBER}] * 8,
        [{"wa_id": NUMBER, "user_id": USER}] * 8,
        [{"user_id": USER}, {"wa_id": NUMBER, "user_id": USER}] * 4,
    ],
)
async def test_processes_that_race_end_with_one_person(
    anew: Processes, identities: list[dict[str, str]]
) -> None:
    people = await asyncio.gather(*(anew.resolve(**identity) for identity in identities))

    assert len(set(people)) == 1
    assert await anew.resolve(**identities[-1]) == people[0]


async def test_names_and_ids_are_kept_up_to_date(anew: Processes, table: Table) -> None:
    person_id = await anew.resolve(wa_id=NUMBER, profile_name="Ada")
    await anew.resolve(wa_id=NUMBER, user_id=USER, profile_name="Ada Lovelace", username="ada")
    await anew.resolve(user_id=USER)

    person = await People(table).get(anew.organization_id, person_id)

    assert person is not None
    assert (person.wa_id, person.user_id) == (NUMBER, USER)
    assert (person.profile_name, person.username) == ("Ada Lovelace", "ada")


async def test_organisations_do_not_share_people(anew: Processes, table: Table) -> None:
    person = await anew.resolve(wa_id=NUMBER)
    stranger = Processes(table, an_organization())

    assert await stranger.resolve(wa_id=NUMBER) != person
    assert await People(table).get(stranger.organization_id, person) is None


async def test_a_person_in_memory_is_still_nobody_elses(table: Table) -> None:
    people, organization = People(table), an_organization()
    identity = PersonIdentity(wa_id=NUMBER)
    person = await people.resolve(organization, identity)
    stranger = an_organization()

    assert await people.get(stranger, person) is None
    assert await people.resolve(stranger, identity) != person


async def test_a_known_person_costs_no_call(table: Table, counted: list[str]) -> None:
    people, organization = People(table), an_organization()
    identity = PersonIdentity(wa_id=NUMBER, user_id=USER, profile_name="Ada")
    person = await people.resolve(organization, identity)
    counted.clear()

    again = await people.resolve(organization, identity)
    by_number = await people.resolve(organization, PersonIdentity(wa_id=NUMBER))
    await people.get(organization, person)

    assert (again, by_number) == (person, person)
    assert counted == []


@pytest.mark.parametrize("user_id", ["ES." + "9" * 4_000, "\ud800", "a/b#c"])
async def test_any_identifier_is_told_apart(anew: Processes, user_id: str) -> None:
    identity = PersonIdentity.model_construct(user_id=user_id)
    person = await People(anew._table).resolve(anew.organization_id, identity)
    again = await People(anew._table).resolve(anew.organization_id, identity)

    assert person == again


async def test_whoever_comes_with_the_identifiers_of_a_retired_person_is_new(
    anew: Processes, table: Table
) -> None:
    before = await anew.resolve(wa_id=NUMBER, user_id=USER)
    await People(table).retire(anew.organization_id, before)

    after = await anew.resolve(wa_id=NUMBER, user_id=USER)

    assert after != before
    assert await anew.resolve(wa_id=NUMBER) == after
    assert await anew.resolve(user_id=USER) == after
    assert await People(table).get(anew.organization_id, before) is None


async def test_by_a_retired_persons_number_alone_nobody_old_is_found(anew: Processes) -> None:
    before = await anew.resolve(wa_id=NUMBER, user_id=USER)
    await People(anew._table).retire(anew.organization_id, before)
    await People(anew._table).retire(anew.organization_id, before)

    assert await anew.resolve(wa_id=NUMBER) != before


async def test_a_retired_users_number_that_had_gone_to_another_leads_to_them(
    anew: Processes,
) -> None:
    retired = await anew.resolve(user_id=USER)
    other = await anew.resolve(wa_id=NUMBER)
    await People(anew._table).retire(anew.organization_id, retired)

    assert await anew.resolve(wa_id=NUMBER, user_id=USER) == other


async def test_a_person_who_is_retired_while_being_looked_up_is_not_remembered(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    people, organization = People(table), an_organization()
    before = await people.resolve(organization, PersonIdentity(wa_id=NUMBER))
    people.forget()
    real = table.get

    async def slow(key: Key) -> Plain | None:
        item = await real(key)
        if item is not None:
            monkeypatch.setattr(table, "get", real)
            await people.retire(organization, before)
            people.forget()
        return item

    monkeypatch.setattr(table, "get", slow)
    assert await people.resolve(organization, PersonIdentity(wa_id=NUMBER)) == before
    assert await people.resolve(organization, PersonIdentity(wa_id=NUMBER)) != before


async def test_nobody_is_remembered_while_erasures_are_not_heard_of(
    table: Table, counted: list[str]
) -> None:
    people, organization = People(table, may_remember=lambda: False), an_organization()
    identity = PersonIdentity(wa_id=NUMBER)
    person = await people.resolve(organization, identity)
    counted.clear()
    assert await people.resolve(organization, identity) == person
    assert counted != []


async def test_a_retirement_races_with_a_resolution_and_leaves_no_mixture(
    anew: Processes, table: Table
) -> None:
    for number in range(20):
        identity = {"wa_id": f"{NUMBER}{number}", "user_id": f"{USER}{number}"}
        before = await anew.resolve(user_id=identity["user_id"])
        await asyncio.gather(
            People(table).retire(anew.organization_id, before), anew.resolve(**identity)
        )
        assert await People(table).get(anew.organization_id, before) is None
        after = await anew.resolve(**identity)
        assert after != before
        assert await anew.resolve(wa_id=identity["wa_id"]) == after
