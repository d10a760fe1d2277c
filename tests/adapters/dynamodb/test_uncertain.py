"""Uncertain messages are listed until something tells what became of them."""

from collections.abc import Awaitable, Callable

import pytest

from adapters.dynamodb.outbox import Outbox
from adapters.dynamodb.pages import InvalidCursor
from adapters.dynamodb.statuses import Statuses, StatusUpdate
from adapters.dynamodb.table import Table
from adapters.dynamodb.uncertain import UncertainMessages
from contracts.conversation import ConversationRef
from contracts.ids import MessageId, OrganizationId
from domain.outbound import callback_data
from tests.adapters.dynamodb.builders import (
    NOON,
    a_conversation,
    a_turn,
    an_id,
    an_organization,
)

WAMID = "wamid.1"


@pytest.fixture
def outbox(table: Table) -> Outbox:
    return Outbox(table)


async def uncertain(outbox: Outbox, ref: ConversationRef) -> MessageId:
    message_id = MessageId(an_id("msg"))
    await outbox.claim(a_turn(ref), message_id=message_id, part=0, text="We open at nine.")
    await outbox.mark_uncertain(ref, message_id=message_id)
    return message_id


async def listed(table: Table, organization_id: OrganizationId) -> list[MessageId]:
    page = await UncertainMessages(table).list(organization_id, limit=100)
    return [message.id for message in page.items]


async def test_the_newest_doubt_comes_first_and_only_ones_own(outbox: Outbox, table: Table) -> None:
    organization = an_organization()
    refs = [a_conversation(organization) for _ in range(3)]
    messages = [await uncertain(outbox, ref) for ref in refs]
    await uncertain(outbox, a_conversation())
    page = await UncertainMessages(table).list(organization, limit=10)
    assert [one.id for one in page.items] == messages[::-1]
    assert [one.conversation_id for one in page.items] == [
        ref.conversation_id for ref in refs[::-1]
    ]
    assert {one.status for one in page.items} == {"uncertain"}
    assert page.next_cursor is None


async def test_it_is_read_in_pages(outbox: Outbox, table: Table) -> None:
    organization = an_organization()
    messages = [await uncertain(outbox, a_conversation(organization)) for _ in range(3)]
    found, cursor = [], None
    while True:
        page = await UncertainMessages(table).list(organization, limit=2, cursor=cursor)
        found += [one.id for one in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == messages[::-1]
    with pytest.raises(InvalidCursor):
        await UncertainMessages(table).list(organization, limit=2, cursor="nonsense")


async def told(status: str, table: Table, ref: ConversationRef, message_id: MessageId) -> None:
    await Statuses(table).apply(
        ref.organization_id,
        StatusUpdate.model_validate(
            {
                "whatsapp_message_id": WAMID,
                "status": status,
                "timestamp": NOON,
                "callback_data": callback_data(ref.conversation_id, message_id),
            }
        ),
    )


ENDS: dict[str, Callable[[Table, ConversationRef, MessageId], Awaitable[object]]] = {
    "a status says that it arrived": lambda table, ref, message_id: told(
        "delivered", table, ref, message_id
    ),
    "a status says that it failed": lambda table, ref, message_id: told(
        "failed", table, ref, message_id
    ),
    "a slow answer says that it was sent": lambda table, ref, message_id: Outbox(table).mark_sent(
        ref, message_id=message_id, whatsapp_message_id=WAMID
    ),
    "it is sent once more": lambda table, ref, message_id: Outbox(table).reclaim_uncertain(
        ref, message_id=message_id
    ),
    "it is refused for good": lambda table, ref, message_id: Outbox(table).mark_failed(
        ref, message_id=message_id, code=100, detail=None
    ),
}


@pytest.mark.parametrize("end", ENDS)
async def test_a_doubt_that_ends_is_not_listed(outbox: Outbox, table: Table, end: str) -> None:
    ref = a_conversation()
    message_id = await uncertain(outbox, ref)
    assert await listed(table, ref.organization_id) == [message_id]
    await ENDS[end](table, ref, message_id)
    assert await listed(table, ref.organization_id) == []


async def test_a_second_send_that_was_not_made_leaves_the_doubt(
    outbox: Outbox, table: Table
) -> None:
    ref = a_conversation()
    message_id = await uncertain(outbox, ref)
    for _ in range(2):
        assert (await outbox.reclaim_uncertain(ref, message_id=message_id)).state == "claimed"
        await outbox.release_resend(ref, message_id=message_id)
        assert await listed(table, ref.organization_id) == [message_id]
    state = await outbox.state(ref, message_id=message_id)
    assert state is not None
    assert (state.status, state.resent) == ("uncertain", False)


async def test_a_second_send_of_which_a_status_told_stays_settled(
    outbox: Outbox, table: Table
) -> None:
    ref = a_conversation()
    message_id = await uncertain(outbox, ref)
    await outbox.reclaim_uncertain(ref, message_id=message_id)
    await told("delivered", table, ref, message_id)
    await outbox.release_resend(ref, message_id=message_id)
    assert await listed(table, ref.organization_id) == []
    state = await outbox.state(ref, message_id=message_id)
    assert state is not None
    assert state.status == "delivered"
