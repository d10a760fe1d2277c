"""People who change their number or user id, told in any order."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest

from adapters.dynamodb.identity_changes import IdentityChanges
from adapters.dynamodb.people import People, Person, PersonIdentity
from adapters.dynamodb.table import Table
from adapters.dynamodb.values import utc_now
from contracts.ids import PersonId
from tests.adapters.dynamodb.builders import an_organization

OLD_NUMBER, NEW_NUMBER, THIRD_NUMBER = "34600111222", "34600333444", "34600555666"
OLD_USER, NEW_USER, OTHER_USER = "ES.1349", "ES.777", "ES.999"
MINUTE = timedelta(minutes=1)


class Story:
    """What happens to people of one organisation; each step is a process of its own."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.organization_id = an_organization()
        self.changed_at = utc_now()
        self.before, self.after = self.changed_at - MINUTE, self.changed_at + MINUTE

    async def write(
        self, wa_id: str | None = None, user_id: str | None = None, *, at: datetime
    ) -> PersonId:
        identity = PersonIdentity(wa_id=wa_id, user_id=user_id)
        return await People(self._table).resolve(self.organization_id, identity, at=at)

    async def change(
        self, before: PersonIdentity, after: PersonIdentity, *, at: datetime | None = None
    ) -> PersonId:
        changes = IdentityChanges(self._table, People(self._table))
        return await changes.apply(self.organization_id, before, after, at=at or self.changed_at)

    async def person(self, person_id: PersonId) -> Person:
        person = await People(self._table).get(self.organization_id, person_id)
        assert person is not None
        return person


@pytest.fixture
def story(table: Table) -> Story:
    return Story(table)


def number(value: str) -> PersonIdentity:
    return PersonIdentity(wa_id=value)


async def test_who_changes_the_number_stays_the_same_person(story: Story) -> None:
    person = await story.write(OLD_NUMBER, at=story.before)

    assert await story.change(number(OLD_NUMBER), number(NEW_NUMBER)) == person

    assert await story.write(NEW_NUMBER, at=story.after) == person
    assert (await story.person(person)).wa_id == NEW_NUMBER


async def test_a_user_id_that_comes_with_the_new_number_later_is_the_same_persons(
    story: Story,
) -> None:
    person = await story.write(OLD_NUMBER, OLD_USER, at=story.before)

    await story.change(PersonIdentity(wa_id=OLD_NUMBER, user_id=OLD_USER), number(NEW_NUMBER))

    assert await story.write(NEW_NUMBER, at=story.after) == person
    assert await story.write(NEW_NUMBER, NEW_USER, at=story.after) == person
    assert await story.write(user_id=NEW_USER, at=story.after) == person
    assert (await story.person(person)).user_id == NEW_USER


async def test_who_changes_the_user_id_stays_the_same_person(story: Story) -> None:
    person = await story.write(OLD_NUMBER, OLD_USER, at=story.before)

    await story.change(
        PersonIdentity(wa_id=OLD_NUMBER, user_id=OLD_USER),
        PersonIdentity(wa_id=OLD_NUMBER, user_id=NEW_USER),
    )

    assert await story.write(user_id=NEW_USER, at=story.after) == person
    assert await story.write(OLD_NUMBER, at=story.after) == person
    assert await story.write(user_id=OLD_USER, at=story.before) == person
    assert await story.write(OLD_NUMBER, NEW_USER, at=story.after) == person
    known = await story.person(person)
    assert (known.wa_id, known.user_id) == (OLD_NUMBER, NEW_USER)


async def test_a_new_owner_of_the_old_number_is_somebody_else(story: Story) -> None:
    person = await story.write(OLD_NUMBER, at=story.before)
    await story.change(number(OLD_NUMBER), number(NEW_NUMBER))

    assert await story.write(OLD_NUMBER, at=story.changed_at) == person
    owner = await story.write(OLD_NUMBER, at=story.after)

    assert owner != person
    assert await story.write(OLD_NUMBER, at=story.after + MINUTE) == owner
    assert await story.write(NEW_NUMBER, at=story.after) == person
    assert (await story.person(person)).wa_id == NEW_NUMBER


async def test_a_change_that_is_told_again_takes_nothing_from_the_new_owner(story: Story) -> None:
    person = await story.write(OLD_NUMBER, at=story.before)
    await story.change(number(OLD_NUMBER), number(NEW_NUMBER))
    owner = await story.write(OLD_NUMBER, OTHER_USER, at=story.after)

    assert await story.change(number(OLD_NUMBER), number(NEW_NUMBER)) == person

    assert await story.write(OLD_NUMBER, at=story.after) == owner
    assert await story.write(NEW_NUMBER, at=story.after) == person


async def test_a_new_owner_who_moves_on_is_not_the_one_before(story: Story) -> None:
    person = await story.write(OLD_NUMBER, at=story.before)
    await story.change(number(OLD_NUMBER), number(NEW_NUMBER))

    moved = await story.change(number(OLD_NUMBER), number(THIRD_NUMBER), at=story.after)

    assert moved != person
    assert (await story.person(person)).wa_id == NEW_NUMBER
    assert await story.write(THIRD_NUMBER, at=story.after) == moved


async def test_a_number_that_somebody_had_before_changes_hands(story: Story) -> None:
    long_before = story.before - timedelta(days=90)
    stranger = await story.write(NEW_NUMBER, at=long_before)
    person = await story.write(OLD_NUMBER, at=story.before)

    moved = await story.change(
        number(OLD_NUMBER), number(NEW_NUMBER), at=utc_now() + timedelta(hours=1)
    )

    assert moved == person != stranger
    assert await story.write(NEW_NUMBER, at=utc_now() + timedelta(hours=2)) == person
    assert (await story.person(stranger)).wa_id is None


async def test_two_changes_in_either_order_end_at_the_newest(story: Story) -> None:
    steps: list[Callable[[], Awaitable[PersonId]]] = [
        lambda: story.change(number(OLD_NUMBER), number(NEW_NUMBER)),
        lambda: story.change(number(NEW_NUMBER), number(THIRD_NUMBER), at=story.after),
    ]
    person = await story.write(OLD_NUMBER, at=story.before)
    for step in [*steps, *steps, *reversed(steps)]:
        assert await step() == person
    assert (await story.person(person)).wa_id == THIRD_NUMBER
    assert await story.write(THIRD_NUMBER, at=story.after + MINUTE) == person


async def test_who_comes_back_to_a_number_has_it_again(story: Story) -> None:
    person = await story.write(OLD_NUMBER, at=story.before)
    await story.change(number(OLD_NUMBER), number(NEW_NUMBER))
    await story.change(number(NEW_NUMBER), number(OLD_NUMBER), at=story.after)
    await story.change(number(OLD_NUMBER), number(NEW_NUMBER))

    assert await story.write(OLD_NUMBER, at=story.after + MINUTE) == person
    assert (await story.person(person)).wa_id == OLD_NUMBER


async def test_whoever_was_never_heard_of_is_one_person_afterwards(story: Story) -> None:
    person = await story.change(number(OLD_NUMBER), number(NEW_NUMBER))

    assert await story.write(OLD_NUMBER, at=story.before) == person
    assert await story.write(NEW_NUMBER, at=story.after) == person
    assert (await story.person(person)).wa_id == NEW_NUMBER


async def test_replies_to_who_was_taken_for_somebody_new_go_where_the_person_is(
    story: Story,
) -> None:
    person = await story.write(OLD_NUMBER, OLD_USER, at=story.before)
    newcomer = await story.write(NEW_NUMBER, NEW_USER, at=story.after)
    assert newcomer != person

    await story.change(
        PersonIdentity(wa_id=OLD_NUMBER, user_id=OLD_USER),
        PersonIdentity(wa_id=NEW_NUMBER, user_id=NEW_USER),
    )

    assert await story.write(NEW_NUMBER, NEW_USER, at=story.after) == person
    gone = await story.person(newcomer)
    assert (gone.wa_id, gone.user_id) == (NEW_NUMBER, NEW_USER)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (number(OLD_NUMBER), number(NEW_NUMBER)),
        (PersonIdentity(user_id=OLD_USER), PersonIdentity(user_id=NEW_USER)),
        (
            PersonIdentity(wa_id=OLD_NUMBER, user_id=OLD_USER),
            PersonIdentity(wa_id=NEW_NUMBER, user_id=NEW_USER),
        ),
        (
            PersonIdentity(wa_id=OLD_NUMBER, user_id=OLD_USER),
            PersonIdentity(wa_id=OLD_NUMBER, user_id=NEW_USER),
        ),
        (PersonIdentity(wa_id=OLD_NUMBER, user_id=OLD_USER), number(NEW_NUMBER)),
    ],
    ids=["number", "user id", "both", "user id of a number", "number of a user id"],
)
async def test_every_order_of_what_is_told_ends_with_one_person(
    table: Table, before: PersonIdentity, after: PersonIdentity
) -> None:
    def steps(story: Story) -> list[Callable[[], Awaitable[PersonId]]]:
        late = (before.wa_id, before.user_id)
        new = (after.wa_id, after.user_id)
        return [
            lambda: story.write(*late, at=story.before),
            lambda: story.change(before, after),
            lambda: story.write(*new, at=story.after),
            lambda: story.change(before, after),
        ]

    for order in itertools.permutations(range(4)):
        story = Story(table)
        for step in order:
            await steps(story)[step]()
        person = await story.write(after.wa_id, after.user_id, at=story.after)
        for _ in range(2):
            assert await story.write(before.wa_id, before.user_id, at=story.before) == person, order
            assert await story.write(after.wa_id, after.user_id, at=story.after) == person, order
        known = await story.person(person)
        assert known.wa_id == (after.wa_id or before.wa_id), order
        assert known.user_id == after.user_id, order


async def test_a_change_and_messages_at_the_same_time_end_with_one_person(story: Story) -> None:
    await story.write(OLD_NUMBER, at=story.before)
    await asyncio.gather(
        *(story.change(number(OLD_NUMBER), number(NEW_NUMBER)) for _ in range(4)),
        *(story.write(NEW_NUMBER, at=story.after) for _ in range(4)),
        *(story.write(OLD_NUMBER, at=story.before) for _ in range(4)),
    )
    person = await story.write(NEW_NUMBER, at=story.after)
    assert await story.write(OLD_NUMBER, at=story.before) == person
    assert (await story.person(person)).wa_id == NEW_NUMBER


async def test_organisations_do_not_share_a_change(story: Story, table: Table) -> None:
    elsewhere = Story(table)
    person = await elsewhere.write(OLD_NUMBER, at=story.before)
    await story.change(number(OLD_NUMBER), number(NEW_NUMBER))

    assert await elsewhere.write(OLD_NUMBER, at=story.after) == person
    assert (await elsewhere.person(person)).wa_id == OLD_NUMBER


async def test_nobody_changes_into_nothing(story: Story) -> None:
    with pytest.raises(ValueError, match="before and after"):
        await story.change(number(OLD_NUMBER), PersonIdentity())
