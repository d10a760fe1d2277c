"""Messages of a channel that Meta refuses wait, and go out soon after it is mended."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from temporalio.exceptions import ApplicationError

from activities.waiting_sends import (
    OWN_FAULT_AFTER,
    PAUSED_DELAY,
    PAUSED_DELAY_CAP,
    WaitingSends,
)
from adapters.postgres.channel_pauses import ChannelPause, ChannelPauses
from contracts.conversation import SentPart
from contracts.ids import ChannelId, MessageId
from tests.activities.sending_desk import TEXT, Desk, desk, stage, tools
from tests.simulator.stage import ACCESS_TOKEN

__all__ = ["desk", "stage", "tools"]

SENT = SentPart(outcome="sent")
OTHER = MessageId("msg_2")


async def paused(desk: Desk, code: int = 190) -> None:
    """Meta refuses the channel from now on, which is known here."""
    await desk.meets({"effect": "error", "code": code})
    await ChannelPauses(desk.tools.database).pause(desk.organization, desk.channel.id, code=code)
    await desk.until_known(lambda profile: profile.pause is not None)


async def a_probe_is_due(desk: Desk) -> None:
    async with desk.tools.database.tenant(desk.organization) as session:
        await (await session.connection()).execute(
            text("UPDATE channels SET probe_at = now() - interval '1 second'")
        )
    probe_at = (await found(desk)).probe_at
    await desk.until_known(
        lambda profile: profile.pause is not None and profile.pause.probe_at == probe_at
    )


async def found(desk: Desk) -> ChannelPause:
    pause = await desk.pause()
    assert pause is not None
    return pause


async def waits(desk: Desk, message_id: str = "msg_1", *, attempt: int = 1) -> ApplicationError:
    with pytest.raises(ApplicationError) as raised:
        await desk.send(message_id, attempt=attempt)
    assert raised.value.type == "ChannelPaused"
    assert not raised.value.non_retryable
    return raised.value


async def requests(desk: Desk) -> int:
    """How often Meta was asked to send something from this number."""
    sends = (await desk.stage.http.get("/simulator/sends")).json()["items"]
    return sum(send["phone_number_id"] == desk.channel.phone_number_id for send in sends)


async def test_a_refused_token_pauses_the_channel_and_what_comes_after_asks_nobody(
    desk: Desk,
) -> None:
    await desk.change_channel(access_token="expired")
    await desk.until_known(lambda profile: profile.access_token == "expired")
    await waits(desk)
    await desk.until_known(lambda profile: profile.pause is not None)
    asked = await requests(desk)
    for attempt in (1, 2, 3):
        error = await waits(desk, OTHER, attempt=attempt)
        assert "access token" in str(error)
        assert error.next_retry_delay is not None
        assert error.next_retry_delay <= 1.2 * PAUSED_DELAY
    assert await requests(desk) == asked
    for message_id in ("msg_1", OTHER):
        assert await desk.status(message_id) == "pending"


async def test_a_new_token_lets_everything_go_out(desk: Desk) -> None:
    await desk.change_channel(access_token="expired")
    await desk.until_known(lambda profile: profile.access_token == "expired")
    await waits(desk)
    await desk.until_known(lambda profile: profile.pause is not None)
    await waits(desk, OTHER)
    await desk.change_channel(access_token=ACCESS_TOKEN)
    await desk.until_known(lambda profile: profile.pause is None)
    assert await desk.send(attempt=2) == SENT
    assert await desk.send(OTHER, attempt=2) == SENT
    assert await desk.arrived() == [TEXT, TEXT]


async def test_a_refusal_of_a_token_that_was_replaced_meanwhile_pauses_nothing(
    desk: Desk,
) -> None:
    """The refusal is of the token that this process still believes in."""
    await desk.change_channel(access_token="expired")
    await desk.until_known(lambda profile: profile.access_token == "expired")
    profile = await desk.tools.profiles.for_channel(desk.organization, desk.channel.id)
    await desk.change_channel(access_token=ACCESS_TOKEN)
    outdated = await ChannelPauses(desk.tools.database).pause(
        desk.organization, desk.channel.id, code=190, revision=profile.channel_revision
    )
    assert outdated == "outdated"
    assert await desk.pause() is None


async def test_when_a_probe_is_due_one_message_tries_and_its_success_resumes(desk: Desk) -> None:
    await paused(desk)
    await waits(desk)
    await desk.meets()
    await a_probe_is_due(desk)
    assert await desk.send(attempt=2) == SENT
    assert await desk.pause() is None
    await desk.until_known(lambda profile: profile.pause is None)
    assert await desk.send(OTHER, attempt=2) == SENT


async def test_a_probe_that_is_refused_leaves_the_channel_paused(desk: Desk) -> None:
    await paused(desk)
    since = (await found(desk)).since
    await a_probe_is_due(desk)
    asked = await requests(desk)
    await waits(desk)
    assert await requests(desk) == asked + 1
    pause = await found(desk)
    assert pause.since == since
    assert pause.probe_at is not None
    assert pause.probe_at - since > timedelta(minutes=4)
    await desk.until_known(
        lambda profile: profile.pause is not None and profile.pause.probe_at == pause.probe_at
    )
    await waits(desk, OTHER)
    assert await requests(desk) == asked + 1


async def test_a_message_that_waited_as_long_as_it_may_is_failed_with_the_reason(
    desk: Desk,
) -> None:
    await paused(desk, 131042)
    await waits(desk)
    gone = await desk.send(attempt=5000, left=timedelta(seconds=70))
    assert gone == SentPart(outcome="rejected", error_code=131042)
    state = await desk.state()
    assert state.status == "failed"
    assert state.error is not None
    assert "could not be sent in time" in (state.error.detail or "")
    assert "cannot be charged" in (state.error.detail or "")
    assert await desk.pause() is not None


async def test_what_was_sent_before_the_pause_is_known_to_be(desk: Desk) -> None:
    assert await desk.send() == SENT
    await paused(desk)
    # The worker died before it could say so.
    desk.activities = desk.tools.activities()
    assert await desk.send(attempt=2) == SENT
    assert await desk.send(attempt=9, left=timedelta(seconds=10)) == SENT


async def test_an_uncertain_message_is_not_failed_because_it_cannot_be_repeated(
    desk: Desk,
) -> None:
    await desk.meets({"effect": "reset", "count": 1})
    assert (await desk.send()).outcome == "uncertain"
    await paused(desk)
    with pytest.raises(ApplicationError):
        await desk.send(resend=True)
    assert (await desk.send(resend=True, left=timedelta(seconds=10))).outcome == "uncertain"
    assert await desk.status() == "uncertain"


async def test_a_message_that_is_refused_while_others_go_out_is_at_fault_itself(
    desk: Desk,
) -> None:
    """Some proxies turn single messages away with a bare 403, as they do a bad token."""
    pauses = ChannelPauses(desk.tools.database)
    for round in range(OWN_FAULT_AFTER):
        await desk.meets({"effect": "error", "code": 10, "count": 1})
        await waits(desk, attempt=round + 1)
        await pauses.resume(desk.organization, desk.channel.id)
        await desk.until_known(lambda profile: profile.pause is None)
        assert await desk.send(f"msg_other_{round}") == SENT
    await desk.meets({"effect": "error", "code": 10, "count": 1})
    assert await desk.send(attempt=9) == SentPart(outcome="rejected", error_code=10)
    assert await desk.pause() is None


def test_a_large_queue_looks_less_often() -> None:
    waiting = WaitingSends()
    few = [waiting.for_resumption(MessageId(f"msg_{number}")) for number in range(50)]
    assert max(few) <= 1.2 * PAUSED_DELAY
    many = [waiting.for_resumption(MessageId(f"msg_{number}")) for number in range(5000)]
    assert min(many[-100:]) >= 0.8 * PAUSED_DELAY_CAP
    assert len(set(many)) > 1000


def test_refusals_in_a_row_are_nobodys_own_fault() -> None:
    waiting, channel = WaitingSends(), ChannelId("chn_1")
    assert not any(waiting.is_at_fault(channel, OTHER) for _ in range(10))
