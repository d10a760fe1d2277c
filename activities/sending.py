"""Sends what was drafted, at most once as far as anyone can know.

Meta has no idempotency key. The outbox item is claimed before the request and settled after it; an
attempt that finds it claimed knows that an earlier one may have sent it, and does not send again.
"""

from datetime import timedelta
from typing import Final, Literal

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.heartbeats import heartbeating
from activities.profiles import profile_of
from adapters.dynamodb.outbox import Claim, Draft, Outbox
from adapters.dynamodb.people import People
from adapters.dynamodb.values import utc_now
from adapters.events import Tell, tell_nobody
from adapters.postgres.assistant_profiles import AssistantProfile, AssistantProfiles
from adapters.whatsapp.client import (
    GraphClient,
    GraphError,
    GraphOutcomeUnknown,
    GraphUnreachable,
)
from contracts.conversation import (
    ConversationRef,
    MarkRead,
    SendPart,
    SentPart,
    SettleUncertain,
    UncertainDecision,
)
from contracts.ids import MessageId
from domain.business_events import message_sent, message_status
from domain.graph_errors import Verdict
from domain.outbound import callback_data, text_message

BACK_OFF_CAP: Final = timedelta(minutes=5)
PAIR_BACK_OFF_BASE: Final = 4
"""Meta's advice on 131056: wait 4^n seconds before the n-th try."""

_log = structlog.stdlib.get_logger(__name__)


class SendingActivities:
    def __init__(
        self,
        *,
        profiles: AssistantProfiles,
        people: People,
        outbox: Outbox,
        graph: GraphClient,
        uncertain_seconds: float,
        uncertain_policy: Literal["resend", "leave"],
        tell: Tell = tell_nobody,
    ) -> None:
        self._profiles = profiles
        self._people = people
        self._outbox = outbox
        self._graph = graph
        self._uncertain_seconds = uncertain_seconds
        self._uncertain_policy = uncertain_policy
        self._tell = tell

    @activity.defn(name="mark_read")
    async def mark_read(self, request: MarkRead) -> None:
        """Show the person that their message was read and an answer is being written."""
        profile = await profile_of(request.turn, self._profiles)
        try:
            await self._graph.mark_read(
                profile.phone_number_id,
                profile.access_token,
                request.whatsapp_message_id,
                typing=request.typing,
            )
        except GraphError as error:
            _log.warning("mark_read_refused", code=error.code)
        except (GraphUnreachable, GraphOutcomeUnknown) as error:
            raise ApplicationError(str(error), type=type(error).__name__) from error

    @activity.defn(name="send_part")
    async def send_part(self, request: SendPart) -> SentPart:
        """Send one part of the draft at most once; say so when its fate is uncertain."""
        async with heartbeating():
            sent = await self._send(request)
            await self._tell_fate(request.turn.conversation, request.message_id, sent)
            return sent

    @activity.defn(name="settle_uncertain_send")
    async def settle_uncertain_send(self, request: SettleUncertain) -> UncertainDecision:
        """Decide by policy what becomes of a send whose fate no webhook has told."""
        state = await self._outbox.state(request.conversation, message_id=request.message_id)
        if state is None or state.status != "uncertain":
            if state is not None:
                failed = state.status == "failed"
                sent = SentPart(
                    outcome="rejected" if failed else "sent",
                    error_code=state.error and state.error.code,
                )
                await self._tell_fate(request.conversation, request.message_id, sent)
            return UncertainDecision(decision="settled")
        decision: Literal["resend", "leave"] = self._uncertain_policy
        _log.warning("uncertain_send", message_id=request.message_id, decision=decision)
        return UncertainDecision(decision=decision)

    async def _send(self, request: SendPart) -> SentPart:
        turn, ref = request.turn, request.turn.conversation
        profile = await profile_of(turn, self._profiles)
        draft = await self._outbox.draft(turn, request.draft_id)
        person = await self._people.get(ref.organization_id, ref.person_id)
        if draft is None or request.part >= len(draft.parts) or person is None:
            raise ApplicationError(
                "the draft or the person is no longer stored", type="Gone", non_retryable=True
            )
        claim = await self._claim(request, draft)
        if claim.state == "already_sent":
            return SentPart(outcome="sent")
        if claim.state == "failed":
            return SentPart(outcome="rejected")
        if claim.state == "ambiguous":
            return await self._uncertain(request)
        return await self._post(
            request,
            draft,
            profile,
            text_message(
                draft.parts[request.part].text,
                wa_id=person.wa_id,
                user_id=person.user_id,
                callback=callback_data(ref.conversation_id, request.message_id),
            ),
        )

    async def _claim(self, request: SendPart, draft: Draft) -> Claim:
        turn, part = request.turn, draft.parts[request.part]
        if request.resend:
            return await self._outbox.reclaim_uncertain(
                turn.conversation, message_id=request.message_id
            )
        tokens = draft if request.part == len(draft.parts) - 1 else Draft(parts=())
        return await self._outbox.claim(
            turn,
            message_id=request.message_id,
            part=request.part,
            text=part.text,
            citations=part.citations,
            model=draft.model,
            input_tokens=tokens.input_tokens,
            cached_tokens=tokens.cached_tokens,
            output_tokens=tokens.output_tokens,
        )

    async def _post(
        self, request: SendPart, draft: Draft, profile: AssistantProfile, message: dict[str, object]
    ) -> SentPart:
        ref = request.turn.conversation
        try:
            whatsapp_message_id = await self._graph.send_message(
                profile.phone_number_id, profile.access_token, message
            )
        except GraphUnreachable as error:
            await self._outbox.release(ref, message_id=request.message_id)
            raise ApplicationError("the Graph API cannot be reached", type="Unreachable") from error
        except GraphOutcomeUnknown:
            return await self._uncertain(request)
        except GraphError as error:
            return await self._refused(request, error)
        last = request.part == len(draft.parts) - 1
        await self._outbox.mark_sent(
            ref,
            message_id=request.message_id,
            whatsapp_message_id=whatsapp_message_id,
            input_tokens=draft.input_tokens if last else 0,
            output_tokens=draft.output_tokens if last else 0,
        )
        return SentPart(outcome="sent")

    async def _refused(self, request: SendPart, error: GraphError) -> SentPart:
        ref = request.turn.conversation
        _log.warning("send_refused", code=error.code, verdict=str(error.verdict))
        match error.verdict:
            case Verdict.UNCERTAIN:
                return await self._uncertain(request)
            case Verdict.BACK_OFF | Verdict.PAIR_BACK_OFF:
                await self._outbox.release(ref, message_id=request.message_id)
                raise ApplicationError(
                    f"Meta turned the message away for now (code {error.code})",
                    type="BackOff",
                    next_retry_delay=_back_off(error, attempt=activity.info().attempt),
                )
            case _:
                await self._outbox.mark_failed(
                    ref, message_id=request.message_id, code=error.code, detail=error.detail
                )
                return SentPart(outcome="rejected", error_code=error.code)

    async def _uncertain(self, request: SendPart) -> SentPart:
        """A status webhook may have been faster than this: then nothing is uncertain any more."""
        state = await self._outbox.mark_uncertain(
            request.turn.conversation, message_id=request.message_id
        )
        if state.status == "failed":
            return SentPart(outcome="rejected", error_code=state.error and state.error.code)
        if state.status != "uncertain":
            return SentPart(outcome="sent")
        return SentPart(outcome="uncertain", settle_seconds=self._uncertain_seconds)

    async def _tell_fate(self, ref: ConversationRef, message_id: MessageId, sent: SentPart) -> None:
        """On every path that knows it, also where an earlier attempt did and died: it is told of
        once."""
        ids, now = (ref.organization_id, ref.conversation_id, message_id), utc_now()
        match sent.outcome:
            case "sent":
                await self._tell(message_sent(*ids, at=now))
            case "rejected":
                code = sent.error_code
                await self._tell(message_status(*ids, status="failed", error_code=code, at=now))


def _back_off(error: GraphError, *, attempt: int) -> timedelta:
    if error.retry_after is not None:
        return min(timedelta(seconds=error.retry_after), BACK_OFF_CAP)
    base = PAIR_BACK_OFF_BASE if error.verdict is Verdict.PAIR_BACK_OFF else 2
    return min(timedelta(seconds=base ** min(attempt - 1, 8)), BACK_OFF_CAP)
