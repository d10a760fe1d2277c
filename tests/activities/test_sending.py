"""Sending through the real outbox to a Graph API that behaves as badly as it is told to."""

from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from adapters.dynamodb import keys
from adapters.dynamodb.number_rates import LONGEST_WAIT_SECONDS
from adapters.dynamodb.values import utc_now
from adapters.postgres import organizations
from contracts.conversation import MarkRead, SentPart
from tests.activities.sending_desk import MESSAGE, TEXT, Desk, desk, stage, tools

__all__ = ["desk", "stage", "tools"]

UNCERTAIN = SentPart(outcome="uncertain", settle_seconds=7)


async def test_a_part_is_sent_once_however_often_it_is_tried(desk: Desk) -> None:
    for _ in range(3):
        assert await desk.send() == SentPart(outcome="sent")
    assert await desk.arrived() == [TEXT]
    assert await desk.status() == "sent"


async def test_the_status_of_a_message_finds_it(desk: Desk) -> None:
    await desk.send()
    await desk.has_statuses("delivered")
    await desk.take_statuses()
    assert await desk.status() == "delivered"


async def test_an_answer_that_never_comes_leaves_the_send_uncertain(desk: Desk) -> None:
    await desk.meets({"effect": "lost_answer", "seconds": 5}, {"effect": "drop_statuses"})
    assert await desk.send() == UNCERTAIN
    assert await desk.send() == UNCERTAIN
    assert await desk.arrived() == [TEXT]
    assert await desk.status() == "uncertain"


async def test_the_status_webhook_settles_an_uncertain_send(desk: Desk) -> None:
    await desk.meets({"effect": "lost_answer", "seconds": 5, "count": 1})
    sent = await desk.send()
    await desk.has_statuses("sent", "delivered")
    await desk.take_statuses()
    assert sent.outcome in ("sent", "uncertain")
    assert (await desk.settle()).decision == "settled"
    assert await desk.status() in ("sent", "delivered")
    assert await desk.arrived() == [TEXT]


async def test_an_uncertain_send_is_repeated_once_by_policy(desk: Desk) -> None:
    await desk.meets({"effect": "reset", "count": 1})
    assert (await desk.send()).outcome == "uncertain"
    assert (await desk.settle()).decision == "resend"
    assert (await desk.send(resend=True)).outcome == "sent"
    assert (await desk.send(resend=True)).outcome == "sent"
    assert await desk.arrived() == [TEXT]


async def test_an_organisation_has_a_policy_of_its_own(desk: Desk) -> None:
    async with desk.tools.database.platform() as session:
        organization = await organizations.get(session, desk.organization, lock=True)
        assert organization is not None
        await organizations.update(
            session, organization, changes={"settings": {"uncertain_send_policy": "leave"}}
        )
    await desk.until_known(lambda profile: profile.uncertain_send_policy == "leave")
    await desk.meets({"effect": "reset", "count": 1})
    assert (await desk.send()).outcome == "uncertain"
    assert (await desk.settle()).decision == "leave"


async def test_a_repeated_send_that_is_turned_away_is_repeated_later(desk: Desk) -> None:
    await desk.meets({"effect": "reset", "count": 1})
    assert (await desk.send()).outcome == "uncertain"
    await desk.meets({"effect": "error", "code": 131056, "count": 1})
    with pytest.raises(ApplicationError):
        await desk.send(resend=True)
    assert await desk.status() == "uncertain"
    assert (await desk.send(resend=True)).outcome == "sent"
    assert await desk.arrived() == [TEXT]


async def test_a_repeated_send_that_is_given_up_stays_uncertain(desk: Desk) -> None:
    await desk.meets({"effect": "reset", "count": 1})
    assert (await desk.send()).outcome == "uncertain"
    await desk.meets({"effect": "error", "code": 131056})
    assert (await desk.send(resend=True, left=timedelta(seconds=30))).outcome == "uncertain"
    assert await desk.status() == "uncertain"


@pytest.mark.parametrize(
    ("code", "delays"), [(130429, [1, 2, 4, 256]), (131056, [1, 4, 16, 300]), (4, [1, 2, 4, 256])]
)
async def test_a_throttled_send_waits_longer_from_try_to_try(
    desk: Desk, code: int, delays: list[int]
) -> None:
    await desk.meets({"effect": "error", "code": code, "count": len(delays)})
    for attempt, delay in zip((1, 2, 3, 40), delays, strict=True):
        with pytest.raises(ApplicationError) as raised:
            await desk.send(attempt=attempt)
        assert not raised.value.non_retryable
        assert raised.value.next_retry_delay == timedelta(seconds=delay)
    assert await desk.send() == SentPart(outcome="sent")
    assert await desk.arrived() == [TEXT]


async def test_a_fault_at_metas_side_is_uncertain(desk: Desk) -> None:
    await desk.meets({"effect": "http_500", "accept": True, "count": 1})
    assert (await desk.send()).outcome in ("uncertain", "sent")
    assert (await desk.send()).outcome in ("uncertain", "sent")
    assert len(await desk.arrived()) == 1


async def test_nobody_at_the_other_end_is_no_uncertainty(desk: Desk) -> None:
    here, desk.activities = desk.activities, desk.tools.activities(graph_url="http://127.0.0.1:1")
    with pytest.raises(ApplicationError, match="cannot be reached") as raised:
        await desk.send()
    assert raised.value.next_retry_delay is None
    desk.activities = here
    assert await desk.send() == SentPart(outcome="sent")


async def test_what_may_wait_no_longer_is_failed_and_says_why(desk: Desk) -> None:
    desk.activities = desk.tools.activities(graph_url="http://127.0.0.1:1")
    assert await desk.send(left=timedelta(seconds=90)) == SentPart(outcome="rejected")
    state = await desk.state()
    assert state.status == "failed"
    assert state.error is not None
    assert "could not be sent in time" in (state.error.detail or "")
    assert "cannot be reached" in (state.error.detail or "")


async def test_a_number_that_sends_as_much_as_it_may_waits(desk: Desk) -> None:
    free_at = int((utc_now().timestamp() + 10 * LONGEST_WAIT_SECONDS) * 1e6)
    await desk.table.put(keys.number_rate(desk.organization, desk.channel.id), {"free_at": free_at})
    await desk.change_channel(messages_per_second=5)
    await desk.until_known(lambda profile: profile.messages_per_second == 5)
    with pytest.raises(ApplicationError) as raised:
        await desk.send()
    assert raised.value.type == "NumberBusy"
    assert raised.value.next_retry_delay is not None
    assert timedelta(seconds=20) < raised.value.next_retry_delay < timedelta(seconds=60)
    assert await desk.status() == "pending"
    await desk.table.delete(keys.number_rate(desk.organization, desk.channel.id))
    assert await desk.send(attempt=2) == SentPart(outcome="sent")


async def test_the_person_sees_that_it_was_read(desk: Desk) -> None:
    async def inbound() -> dict[str, Any]:
        return next(item for item in await desk.chat() if item["direction"] == "inbound")

    message = await inbound()
    await ActivityEnvironment().run(
        desk.activities.mark_read, MarkRead(turn=desk.turn, whatsapp_message_id=message["id"])
    )
    assert (await inbound())["status"] == "read"


async def test_a_message_has_one_id_in_all_its_attempts(desk: Desk) -> None:
    await desk.meets({"effect": "error", "code": 4, "count": 1})
    with pytest.raises(ApplicationError):
        await desk.send(MESSAGE)
    await desk.send(MESSAGE)
    conversation = await desk.table.get(
        keys.message(desk.organization, desk.ref.conversation_id, MESSAGE)
    )
    assert conversation is not None
    assert conversation["attempts"] == 2
