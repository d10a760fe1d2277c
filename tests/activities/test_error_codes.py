"""Each error code of Meta's, in its answer and in a status: what becomes of the message, of the
conversation and of the channel.

The table is written down here once more, in other words than the product's.
"""

import json
from datetime import timedelta
from pathlib import Path
from typing import Final, Literal, NamedTuple

import pytest
from temporalio.exceptions import ApplicationError

from adapters.postgres.channel_pauses import ChannelPauses
from contracts.conversation import SentPart
from tests.activities.sending_desk import MESSAGE, TEXT, Desk, desk, stage, tools

__all__ = ["desk", "stage", "tools"]

SHARED_CODES: Final = Path(__file__).parents[3] / "shared/whatsapp/error_codes.json"


class Row(NamedTuple):
    message: Literal["again soon", "again when mended", "fails", "unknown"]
    """Of a message that is refused with the code. One that was accepted and is then told to have
    failed has failed, whatever the code."""
    stops: Literal["nothing", "the number", "the account"] = "nothing"
    needs_template: bool = False
    opts_out: bool = False


AGAIN = Row("again soon")
UNKNOWN = Row("unknown")
NUMBER = Row("again when mended", stops="the number")
ACCOUNT = Row("again when mended", stops="the account")
FAILS = Row("fails")

TABLE: Final[dict[int, Row]] = {
    # Token and permissions
    0: NUMBER, 3: NUMBER, 10: NUMBER, 190: NUMBER, 200: NUMBER, 131005: NUMBER,
    # Limits of calls, of the number, of the pair
    4: AGAIN, 80007: AGAIN, 130429: AGAIN, 131056: AGAIN,
    # Faults at Meta's side
    1: UNKNOWN, 2: UNKNOWN, 131000: UNKNOWN, 131016: UNKNOWN, 131057: UNKNOWN, 133004: UNKNOWN,
    # The account: policy, lock, billing
    368: ACCOUNT, 131031: ACCOUNT, 131042: ACCOUNT,
    # The number: deleted, name, registration, quality
    33: NUMBER, 131037: NUMBER, 131045: NUMBER, 131048: NUMBER,
    133000: NUMBER, 133005: NUMBER, 133006: NUMBER, 133008: NUMBER, 133009: NUMBER,
    133010: NUMBER, 133015: NUMBER, 133016: NUMBER,
    # The recipient
    130403: FAILS, 130472: FAILS, 130497: FAILS, 131021: FAILS, 131026: FAILS, 131030: FAILS,
    131049: FAILS, 137000: FAILS,
    131050: Row("fails", opts_out=True),
    # The service window
    131047: Row("fails", needs_template=True),
    # The request
    100: FAILS, 131008: FAILS, 131009: FAILS, 131051: FAILS, 131052: FAILS, 131053: FAILS,
    131055: FAILS, 131061: FAILS, 131062: FAILS, 131063: FAILS, 134011: FAILS, 135000: FAILS,
    # Templates
    131064: FAILS, 132000: FAILS, 132001: FAILS, 132005: FAILS, 132007: FAILS, 132012: FAILS,
    132015: FAILS, 132016: FAILS, 132068: FAILS, 132069: FAILS,
}  # fmt: skip

SOON: Final = timedelta(minutes=5)


@pytest.mark.parametrize(("code", "row"), TABLE.items())
async def test_a_message_that_is_refused_with_the_code(desk: Desk, code: int, row: Row) -> None:
    neighbour = await Desk.open(desk.tools, beside=desk)
    await desk.meets({"effect": "error", "code": code, "count": 1})
    match row.message:
        case "fails":
            refused = SentPart(
                outcome="rejected", error_code=code, window_closed=row.needs_template
            )
            # An attempt that was cut off before it could answer is made once more.
            for _ in range(2):
                assert await desk.send() == refused
            assert await desk.status() == "failed"
            assert await desk.arrived() == []
        case "unknown":
            assert await desk.send() == SentPart(outcome="uncertain", settle_seconds=7)
            assert await desk.status() == "uncertain"
            assert await desk.arrived() == []
        case _:
            with pytest.raises(ApplicationError) as raised:
                await desk.send()
            waits = row.message == "again when mended"
            assert raised.value.type == ("ChannelPaused" if waits else "BackOff")
            assert not raised.value.non_retryable
            assert raised.value.next_retry_delay is not None
            assert raised.value.next_retry_delay <= SOON
            assert await desk.status() == "pending"
            await _mend(desk)
            assert await desk.send(attempt=2) == SentPart(outcome="sent")
            assert await desk.arrived() == [TEXT]
            return
    await _check_what_stops(desk, neighbour, row)
    opted_out = [(desk.organization, desk.ref.person_id, "error_131050")]
    assert (desk.tools.opt_outs.told[:1] == opted_out) is row.opts_out


@pytest.mark.parametrize(("code", "row"), TABLE.items())
async def test_what_the_code_stops(desk: Desk, code: int, row: Row) -> None:
    neighbour = await Desk.open(desk.tools, beside=desk)
    stranger = await Desk.open(desk.tools)
    await desk.meets({"effect": "error", "code": code, "count": 1})
    if row.message.startswith("again"):
        with pytest.raises(ApplicationError):
            await desk.send()
    else:
        await desk.send()
    await _check_what_stops(desk, neighbour, row)
    assert await stranger.pause() is None
    assert await stranger.send() == SentPart(outcome="sent")


@pytest.mark.parametrize(("code", "row"), TABLE.items())
async def test_a_message_that_failed_with_the_code_after_it_was_accepted(
    desk: Desk, code: int, row: Row
) -> None:
    neighbour = await Desk.open(desk.tools, beside=desk)
    await desk.meets({"effect": "error_async", "code": code, "count": 1})
    assert await desk.send() == SentPart(outcome="sent")
    await desk.has_statuses("failed")
    failures = desk.tools.failures()
    applied = [one for one in await desk.take_statuses() if one.failed_at is not None]
    # The conversation is told, by the message and its code; a redelivery tells nothing new.
    assert [(one.message_id, one.error_code, one.decisive) for one in applied] == [
        (MESSAGE, code, True)
    ]
    assert not [one for one in await desk.take_statuses() if one.failed_at is not None]
    await failures.told_by_status(desk.organization, applied[0])

    state = await desk.state()
    assert state.status == "failed"
    assert state.error is not None
    assert state.error.code == code
    await _check_what_stops(desk, neighbour, row)
    opted_out = [(desk.organization, desk.ref.person_id, "error_131050")]
    assert desk.tools.opt_outs.told == (opted_out if row.opts_out else [])


async def test_a_failure_that_is_told_late_stops_nothing(desk: Desk) -> None:
    await desk.meets({"effect": "error_async", "code": 190, "count": 1})
    await desk.send()
    await desk.has_statuses("failed")
    (applied,) = [one for one in await desk.take_statuses() if one.failed_at is not None]
    assert applied.failed_at is not None
    late = applied.model_copy(update={"failed_at": applied.failed_at - timedelta(hours=1)})
    await desk.tools.failures().told_by_status(desk.organization, late)
    assert await desk.pause() is None


@pytest.mark.skipif(not SHARED_CODES.exists(), reason="the shared table is not beside the checkout")
def test_every_documented_code_is_in_the_table() -> None:
    documented = {entry["code"] for entry in json.loads(SHARED_CODES.read_text())["codes"]}
    assert {200 if code == "200-299" else code for code in documented} == TABLE.keys()


async def _check_what_stops(desk: Desk, neighbour: Desk, row: Row) -> None:
    assert (await desk.pause() is not None) is (row.stops != "nothing")
    assert (await neighbour.pause() is not None) is (row.stops == "the account")


async def _mend(desk: Desk) -> None:
    """Whatever Meta complained of has been mended."""
    await ChannelPauses(desk.tools.database).resume(desk.organization, desk.channel.id)
    await desk.until_known(lambda profile: profile.pause is None)
