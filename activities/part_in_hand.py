"""One part of a reply while it is being sent, and what becomes of it.

Meta has no idempotency key. The outbox item is claimed before the request and settled after it; an
attempt that finds it claimed knows that an earlier one may have sent it, and does not send again.
What may wait no longer is failed, with the reason on the message.
"""

from datetime import timedelta
from typing import Final, NamedTuple

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError

from adapters.dynamodb.messages import MessageError
from adapters.dynamodb.outbox import Claim, Draft, Outbox
from adapters.dynamodb.values import utc_now
from adapters.send_failures import SendFailures
from adapters.temporal.metrics import WorkerMetrics
from contracts.conversation import SendPart, SentPart
from contracts.ids import MessageId
from domain.graph_errors import Verdict, verdict_of_failure

LAST_TRY: Final = timedelta(minutes=1)
"""Before the end of an activity's time: whatever waits so long is given up, and says so."""
LONGEST_RETRY: Final = timedelta(minutes=1)
"""Of the activity's retry policy, where no delay of our own is asked for."""

_log = structlog.stdlib.get_logger(__name__)


class Reason(NamedTuple):
    """Why a message waits."""

    type: str
    words: str
    code: int | None = None


class PartInHand:
    def __init__(
        self,
        request: SendPart,
        draft: Draft,
        *,
        outbox: Outbox,
        failures: SendFailures,
        metrics: WorkerMetrics,
        uncertain_seconds: float,
    ) -> None:
        self._request = request
        self._ref = request.turn.conversation
        self._draft = draft
        self._outbox = outbox
        self._failures = failures
        self._metrics = metrics
        self._uncertain_seconds = uncertain_seconds

    @property
    def message_id(self) -> MessageId:
        return self._request.message_id

    @property
    def is_resend(self) -> bool:
        return self._request.resend

    @property
    def _tokens(self) -> Draft:
        """Those of the whole reply count for its last part."""
        last = self._request.part == len(self._draft.parts) - 1
        return self._draft if last else Draft(parts=())

    async def claim(self) -> Claim:
        """The right to send, which one attempt has at a time."""
        if self.is_resend:
            return await self._outbox.reclaim_uncertain(self._ref, message_id=self.message_id)
        part = self._draft.parts[self._request.part]
        return await self._outbox.claim(
            self._request.turn,
            message_id=self.message_id,
            part=self._request.part,
            text=part.text,
            citations=part.citations,
            sender=self._draft.sender,
            operator=self._draft.operator,
            content=part.content,
            in_reply_to=part.reply_to,
            model=self._draft.model,
            input_tokens=self._tokens.input_tokens,
            cached_tokens=self._tokens.cached_tokens,
            output_tokens=self._tokens.output_tokens,
        )

    async def release(self) -> None:
        """Nothing was sent by this attempt. A message that was to be sent once more stays what it
        was before, for its first send may have arrived."""
        release = self._outbox.release_resend if self.is_resend else self._outbox.release
        await release(self._ref, message_id=self.message_id)

    async def known(self, claim: Claim) -> SentPart:
        """What an earlier attempt, or a webhook, has found out."""
        match claim.state:
            case "already_sent":
                return SentPart(outcome="sent")
            case "failed":
                return await self._rejected(_code(claim.error))
            case _:
                return await self.uncertain()

    async def sent(self, whatsapp_message_id: str) -> None:
        await self._outbox.mark_sent(
            self._ref,
            message_id=self.message_id,
            whatsapp_message_id=whatsapp_message_id,
            input_tokens=self._tokens.input_tokens,
            output_tokens=self._tokens.output_tokens,
        )

    async def failed(self, code: int | None, detail: str) -> SentPart:
        """Meta refused it for good."""
        await self._outbox.mark_failed(
            self._ref, message_id=self.message_id, code=code, detail=detail
        )
        return await self._rejected(code)

    async def uncertain(self) -> SentPart:
        """A status webhook may have been faster than this: then nothing is uncertain any more."""
        state = await self._outbox.mark_uncertain(self._ref, message_id=self.message_id)
        if state.status == "failed":
            return await self._rejected(_code(state.error))
        if state.status != "uncertain":
            return SentPart(outcome="sent")
        return SentPart(outcome="uncertain", settle_seconds=self._uncertain_seconds)

    async def later(self, reason: Reason, *, after: timedelta | None) -> SentPart:
        """Have the part tried again, unless it has waited for as long as it may.

        Args:
            after: None: as the activity's retry policy says.

        Raises:
            ApplicationError: it is tried again.
        """
        if _time_left() > (after or LONGEST_RETRY) + LAST_TRY:
            raise ApplicationError(reason.words, type=reason.type, next_retry_delay=after)
        return await self._given_up(reason)

    async def _given_up(self, reason: Reason) -> SentPart:
        if self.is_resend:
            return SentPart(outcome="uncertain")
        claim = await self.claim()
        if claim.state != "claimed":
            return await self.known(claim)
        _log.error("send_given_up", message_id=self.message_id, reason=reason.type)
        self._metrics.send_given_up(reason.type)
        words = f"Given up, for it could not be sent in time. {reason.words}"
        await self._outbox.mark_failed(
            self._ref, message_id=self.message_id, code=reason.code, detail=words
        )
        return SentPart(outcome="rejected", error_code=reason.code)

    async def _rejected(self, code: int | None) -> SentPart:
        """What the failure tells of the person is kept, also when a retry finds it."""
        verdict = verdict_of_failure(code)
        if verdict is Verdict.OPTED_OUT:
            await self._failures.opted_out(
                self._ref.organization_id, self._ref.person_id, at=utc_now()
            )
        return SentPart(
            outcome="rejected",
            error_code=code,
            window_closed=verdict is Verdict.NEEDS_TEMPLATE,
        )


def _code(error: MessageError | None) -> int | None:
    return None if error is None else error.code


def _time_left() -> timedelta:
    """Until Temporal tries this activity no more."""
    info = activity.info()
    if info.schedule_to_close_timeout is None:
        return timedelta.max
    return info.scheduled_time + info.schedule_to_close_timeout - utc_now()
