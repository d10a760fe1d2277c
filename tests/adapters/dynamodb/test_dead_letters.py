import pytest

from adapters.dynamodb.dead_letters import DeadLetters
from adapters.dynamodb.table import Table
from contracts.ids import OrganizationId
from tests.adapters.dynamodb.builders import an_organization


@pytest.mark.parametrize(
    "organization_id", [an_organization(), None], ids=["an organisation", "nobody"]
)
async def test_what_could_not_be_handled_is_kept_as_it_came(
    table: Table, organization_id: OrganizationId | None
) -> None:
    letters = DeadLetters(table)
    raw = b'{"text": "\x00\xff"}'

    letter_id = await letters.park(
        organization_id, reason="no such field", raw=raw, context={"channel_id": "chn_1"}
    )

    (letter,) = (await letters.list(organization_id, limit=5)).items
    assert (letter.id, letter.reason, letter.raw) == (letter_id, "no such field", raw)
    assert letter.context == {"channel_id": "chn_1"}
    assert not letter.truncated


async def test_of_a_large_one_the_beginning_is_kept(table: Table) -> None:
    letters, organization = DeadLetters(table), an_organization()

    await letters.park(organization, reason="r" * 100_000, raw=b"x" * 3_000_000)

    (letter,) = (await letters.list(organization, limit=5)).items
    assert letter.truncated
    assert (len(letter.raw), letter.size) == (300_000, 3_000_000)


async def test_letters_come_in_pages_newest_first(table: Table) -> None:
    letters, organization = DeadLetters(table), an_organization()
    parked = [await letters.park(organization, reason=f"{n}", raw=b"") for n in range(5)]

    found: list[str] = []
    cursor = None
    while True:
        page = await letters.list(organization, limit=2, cursor=cursor)
        found += [letter.id for letter in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break

    assert found == sorted(parked, reverse=True)
    assert (await letters.list(an_organization(), limit=5)).items == []
