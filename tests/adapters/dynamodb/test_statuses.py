from datetime import timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.dynamodb.conversations import Conversations
from adapters.dynamodb.messages import DELIVERY_STATUSES, DeliveryStatus, StoredMessage
from adapters.dynamodb.outbox import Outbox
from adapters.dynamodb.statuses import Statuses, StatusUpdate
from adapters.dynamodb.table import Table
from contracts.conversation import Turn
from contracts.ids import MessageId
from domain.outbound import callback_data
from tests.adapters.dynamodb.builders import (
    NOON,
    a_conversation,
    a_record,
    a_request,
    a_turn,
    an_id,
    an_organization,
)

WAMID = "wamid.1"
AFTER = {status: NOON + timedelta(seconds=n) for n, status in enumerate(DELIVERY_STATUSES)}


class Sending:
    """One message on its way, and the webhooks about it."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.outbox = Outbox(table)
        self.statuses = Statuses(table)
        self.turn: Turn = a_turn(a_conversation())
        self.message_id = MessageId(an_id("msg"))

    async def claim(self) -> str:
        claim = await self.outbox.claim(self.turn, message_id=self.message_id, part=0, text="Hi")
        return claim.state

    async def mark_sent(self, wamid: str = WAMID) -> None:
        await self.outbox.mark_sent(
            self.turn.conversation, message_id=self.message_id, whatsapp_message_id=wamid
        )

    def update(
        self, status: DeliveryStatus, *, callback: bool = True, wamid: str = WAMID
    ) -> StatusUpdate:
        return StatusUpdate(
            whatsapp_message_id=wamid,
            status=status,
            timestamp=AFTER[status],
            callback_data=callback_data(self.turn.conversation.conversation_id, self.message_id)
            if callback
            else None,
            error_code=131026 if status == "failed" else None,
            error_detail="Message undeliverable" if status == "failed" else None,
        )

    async def tell(
        self, status: DeliveryStatus, *, callback: bool = True, wamid: str = WAMID
    ) -> tuple[bool, bool]:
        applied = await self.statuses.apply(
            self.turn.conversation.organization_id,
            self.update(status, callback=callback, wamid=wamid),
        )
        return applied.changed, applied.decisive

    async def message(self) -> StoredMessage:
        (message,) = await Conversations(self._table).recent(self.turn.conversation, limit=5)
        return message


@pytest.fixture
def sending(table: Table) -> Sending:
    return Sending(table)


async def test_ticks_go_up_and_never_down(sending: Sending) -> None:
    await sending.claim()
    await sending.mark_sent()

    told = [await sending.tell(status) for status in ("sent", "read", "delivered", "read")]

    assert told == [(False, False), (True, False), (False, False), (False, False)]
    message = await sending.message()
    assert message.status == "read"
    assert message.delivery == {status: AFTER[status] for status in ("sent", "delivered", "read")}


async def test_played_counts_as_read(sending: Sending) -> None:
    await sending.claim()
    await sending.mark_sent()
    await sending.tell("played")

    assert (await sending.message()).status == "read"


async def test_a_failure_is_decisive_once_and_says_why(sending: Sending) -> None:
    await sending.claim()
    await sending.mark_sent()

    told = [await sending.tell("failed") for _ in range(2)]

    assert told == [(True, True), (False, False)]
    message = await sending.message()
    assert message.status == "failed"
    assert message.error is not None
    assert (message.error.code, message.error.detail) == (131026, "Message undeliverable")


async def test_a_failure_after_delivery_changes_nothing(sending: Sending) -> None:
    await sending.claim()
    await sending.mark_sent()
    await sending.tell("delivered")

    assert await sending.tell("failed") == (False, False)
    message = await sending.message()
    assert (message.status, message.error) == ("delivered", None)


@pytest.mark.parametrize("uncertain", [True, False])
async def test_a_status_settles_a_send_whose_answer_was_lost(
    sending: Sending, uncertain: bool
) -> None:
    await sending.claim()
    if uncertain:
        await sending.outbox.mark_uncertain(
            sending.turn.conversation, message_id=sending.message_id
        )

    assert await sending.tell("delivered") == (True, True)

    assert await sending.claim() == "already_sent"
    message = await sending.message()
    assert (message.status, message.whatsapp_message_id) == ("delivered", WAMID)
    settled = await sending.outbox.mark_uncertain(
        sending.turn.conversation, message_id=sending.message_id
    )
    assert settled.status == "delivered"
    assert await sending.tell("read") == (True, False)


async def test_a_failure_settles_a_lost_send_as_failed(sending: Sending) -> None:
    await sending.claim()

    assert await sending.tell("failed") == (True, True)
    assert await sending.claim() == "failed"


async def test_a_status_that_is_faster_than_our_own_note_is_kept(sending: Sending) -> None:
    await sending.claim()

    assert await sending.tell("delivered", callback=False) == (False, False)
    await sending.mark_sent()

    assert (await sending.message()).status == "delivered"
    assert await sending.tell("read", callback=False) == (True, False)


async def test_the_failure_of_a_first_attempt_is_not_that_of_the_second(sending: Sending) -> None:
    await sending.claim()
    await sending.mark_sent("wamid.second")

    assert await sending.tell("failed", wamid="wamid.first") == (False, False)
    assert (await sending.message()).status == "sent"


async def test_after_a_resend_each_attempt_fails_for_itself(sending: Sending) -> None:
    await sending.claim()
    await sending.outbox.mark_uncertain(sending.turn.conversation, message_id=sending.message_id)
    await sending.outbox.reclaim_uncertain(sending.turn.conversation, message_id=sending.message_id)

    assert await sending.tell("failed", wamid="wamid.first") == (False, False)
    await sending.mark_sent("wamid.second")

    assert (await sending.message()).status == "sent"
    assert await sending.tell("failed", wamid="wamid.second") == (True, True)


async def test_a_resend_that_fails_before_our_own_note_has_failed(sending: Sending) -> None:
    await sending.claim()
    await sending.outbox.mark_uncertain(sending.turn.conversation, message_id=sending.message_id)
    await sending.outbox.reclaim_uncertain(sending.turn.conversation, message_id=sending.message_id)

    await sending.tell("failed", wamid="wamid.second")
    await sending.mark_sent("wamid.second")

    assert (await sending.message()).status == "failed"


@pytest.mark.parametrize("data", [None, "", "out_1", "conv_x.msg_1", "." * 3, "a" * 5_000, "é.é"])
async def test_foreign_callback_data_is_looked_up_by_wamid(
    sending: Sending, data: str | None
) -> None:
    await sending.claim()
    await sending.mark_sent()
    update = sending.update("delivered").model_copy(update={"callback_data": data})

    applied = await sending.statuses.apply(sending.turn.conversation.organization_id, update)

    assert (applied.message_id, applied.changed) == (sending.message_id, True)


async def test_the_status_of_a_strangers_message_is_parked(sending: Sending) -> None:
    applied = await sending.statuses.apply(an_organization(), sending.update("delivered"))

    assert (applied.conversation_id, applied.message_id, applied.changed) == (None, None, False)


async def test_another_organisations_webhook_cannot_touch_the_message(sending: Sending) -> None:
    await sending.claim()
    await sending.mark_sent()

    for callback in (True, False):
        await sending.statuses.apply(an_organization(), sending.update("failed", callback=callback))

    assert (await sending.message()).status == "sent"


async def test_callback_data_cannot_mark_an_inbound_message(sending: Sending, table: Table) -> None:
    ref = sending.turn.conversation
    record = a_record()
    await Conversations(table).record_inbound(a_request(ref, record, opening=True))
    sending.message_id = record.message_id

    assert await sending.tell("failed") == (False, False)
    assert (await sending.message()).status == "received"


@pytest.mark.parametrize(("callback", "operations"), [(True, 1), (False, 2)])
async def test_a_status_costs_little(
    sending: Sending, counted: list[str], callback: bool, operations: int
) -> None:
    await sending.claim()
    await sending.mark_sent()
    counted.clear()

    await sending.tell("delivered", callback=callback)

    assert counted == ["UpdateItem"] * operations


_examples = count()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    told=st.lists(
        st.tuples(st.sampled_from(DELIVERY_STATUSES), st.booleans()), min_size=1, max_size=8
    ),
    sent_before=st.integers(min_value=0, max_value=8),
)
async def test_every_order_and_repetition_ends_in_the_same_state(
    table: Table, told: list[tuple[DeliveryStatus, bool]], sent_before: int
) -> None:
    sending = Sending(table)
    wamid = f"wamid.example-{next(_examples)}"
    await sending.claim()
    for position, (status, callback) in enumerate(told):
        if position == sent_before:
            await sending.mark_sent(wamid)
        await sending.tell(status, callback=callback, wamid=wamid)
    if sent_before >= len(told):
        await sending.mark_sent(wamid)

    message = await sending.message()

    reached = {status for status, _ in told}
    expected = next(
        name
        for name, reasons in {
            "read": {"read", "played"},
            "delivered": {"delivered"},
            "failed": {"failed"},
            "sent": {"sent"},
        }.items()
        if reasons & reached
    )
    assert message.status == expected
    assert message.whatsapp_message_id == wamid
    assert (message.error is not None) == (expected == "failed")
    assert message.delivery == {status: AFTER[status] for status in reached}


async def test_a_status_is_news_when_it_is_delivered_again_and_still_stands(
    sending: Sending,
) -> None:
    """Whoever was to tell of it may have died after it was written down."""

    async def news(status: DeliveryStatus) -> bool:
        organization_id = sending.turn.conversation.organization_id
        return (await sending.statuses.apply(organization_id, sending.update(status))).news

    await sending.claim()
    await sending.mark_sent()
    assert not await news("sent")  # Whoever sent it has told of that.
    assert await news("delivered")
    assert await news("delivered")
    assert await news("read")
    assert not await news("delivered")
    assert not await news("played")  # The same as read.
    assert await news("read")
