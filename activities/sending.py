"""Sends what was drafted, at most once as far as anyone can know.

What cannot go out now waits as an activity that is tried again, which costs the history nothing:
for Meta's limits, for a connection, for a channel that is paused.
"""

import asyncio
from datetime import timedelta
from typing import Final, Literal

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.heartbeats import heartbeating
from activities.part_in_hand import PartInHand, Reason
from activities.profiles import profile_of
from activities.waiting_sends import WaitingSends, back_off, until
from adapters.dynamodb.number_rates import NumberRates
from adapters.dynamodb.outbox import Outbox
from adapters.dynamodb.people import People
from adapters.dynamodb.values import utc_now
from adapters.events import Tell, tell_nobody
from adapters.postgres.assistant_profiles import AssistantProfile, AssistantProfiles
from adapters.postgres.channel_pauses import UNKNOWN_REASON, ChannelPause, ChannelPauses
from adapters.send_failures import SendFailures
from adapters.temporal.metrics import WorkerMetrics
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
from domain.graph_errors import BLOCKING, NUMBER_THROUGHPUT, Verdict, behaviour_of
from domain.outbound import callback_data, graph_message

OUTDATED_DELAY: Final = timedelta(seconds=1)
"""When an administrator changed the channel while it was refused: what counts now is read soon."""


_log = structlog.stdlib.get_logger(__name__)


class SendingActivities:
    def __init__(
        self,
        *,
        profiles: AssistantProfiles,
        people: People,
        outbox: Outbox,
        graph: GraphClient,
        rates: NumberRates,
        pauses: ChannelPauses,
        failures: SendFailures,
        metrics: WorkerMetrics,
        uncertain_seconds: float,
        uncertain_policy: Literal["resend", "leave"],
        tell: Tell = tell_nobody,
    ) -> None:
        """
        Args:
            uncertain_policy: of organisations that have none of their own.
        """
        self._profiles = profiles
        self._people = people
        self._outbox = outbox
        self._graph = graph
        self._rates = rates
        self._pauses = pauses
        self._failures = failures
        self._metrics = metrics
        self._uncertain_seconds = uncertain_seconds
        self._uncertain_policy = uncertain_policy
        self._waiting = WaitingSends()
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
            sending = asyncio.ensure_future(self._send(request))
            try:
                sent = await asyncio.shield(sending)
            except asyncio.CancelledError:
                # A human took over, or the worker stops. What Meta has been asked is seen through:
                # only its answer tells whether the person reads this message.
                sent = await sending
            await self._tell_fate(request.turn.conversation, request.message_id, sent)
            return sent

    @activity.defn(name="settle_uncertain_send")
    async def settle_uncertain_send(self, request: SettleUncertain) -> UncertainDecision:
        """Decide by policy what becomes of a send whose fate no webhook has told."""
        ref = request.conversation
        state = await self._outbox.state(ref, message_id=request.message_id)
        if state is None or state.status != "uncertain":
            if state is not None and state.status != "pending":
                failed = state.status == "failed"
                sent = SentPart(
                    outcome="rejected" if failed else "sent",
                    error_code=state.error and state.error.code,
                )
                await self._tell_fate(ref, request.message_id, sent)
            return UncertainDecision(decision="settled")
        try:
            profile = await self._profiles.for_channel(ref.organization_id, ref.channel_id)
        except LookupError:
            decision: Literal["resend", "leave"] = "leave"
        else:
            decision = profile.uncertain_send_policy or self._uncertain_policy
        _log.warning("uncertain_send", message_id=request.message_id, decision=decision)
        self._metrics.uncertain_send(decision)
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
        part = PartInHand(
            request,
            draft,
            outbox=self._outbox,
            failures=self._failures,
            metrics=self._metrics,
            uncertain_seconds=self._uncertain_seconds,
        )
        if profile.pause is not None and not await self._may_probe(profile, profile.pause):
            return await self._await_resumption(part, profile.pause)
        claim, permit = await asyncio.gather(
            part.claim(),
            self._rates.permit(
                ref.organization_id, ref.channel_id, per_second=profile.messages_per_second
            ),
        )
        if claim.state != "claimed":
            return await part.known(claim)
        if activity.is_cancelled():
            await part.release()
            raise asyncio.CancelledError
        if not permit.granted:
            await part.release()
            return await part.later(_NUMBER_BUSY, after=until(permit.at))
        return await self._post(
            part,
            profile,
            graph_message(
                draft.parts[request.part].to_send,
                wa_id=person.wa_id,
                user_id=person.user_id,
                callback=callback_data(ref.conversation_id, request.message_id),
                reply_to=draft.parts[request.part].reply_to,
            ),
        )

    async def _post(
        self, part: PartInHand, profile: AssistantProfile, message: dict[str, object]
    ) -> SentPart:
        try:
            whatsapp_message_id = await self._graph.send_message(
                profile.phone_number_id, profile.access_token, message
            )
        except GraphUnreachable:
            await part.release()
            return await part.later(_UNREACHABLE, after=None)
        except GraphOutcomeUnknown:
            return await part.uncertain()
        except GraphError as error:
            return await self._refused(part, profile, error)
        await part.sent(whatsapp_message_id)
        self._waiting.went_out(profile.channel_id, part.message_id)
        if profile.pause is not None:
            resumed = await self._pauses.resume(profile.organization_id, profile.channel_id)
            _log.info("channel_resumed", channel_ids=resumed)
        return SentPart(outcome="sent")

    async def _refused(
        self, part: PartInHand, profile: AssistantProfile, error: GraphError
    ) -> SentPart:
        _log.warning("send_refused", code=error.code, verdict=str(error.verdict))
        self._metrics.send_refused(error.verdict)
        if error.verdict is Verdict.UNCERTAIN:
            return await part.uncertain()
        if error.verdict in (Verdict.BACK_OFF, Verdict.PAIR_BACK_OFF):
            if error.code == NUMBER_THROUGHPUT:
                self._rates.refused(profile.organization_id, profile.channel_id)
            await part.release()
            delay = back_off(error, attempt=activity.info().attempt)
            return await part.later(_turned_away(error.code), after=delay)
        if error.verdict in BLOCKING and not self._waiting.is_at_fault(
            profile.channel_id, part.message_id
        ):
            return await self._blocked(part, profile, error)
        return await part.failed(error.code, error.detail)

    async def _blocked(
        self, part: PartInHand, profile: AssistantProfile, error: GraphError
    ) -> SentPart:
        """Meta refuses the number, not the message: the channel is paused and the message waits."""
        await part.release()
        paused = await self._failures.blocked(
            profile.organization_id,
            profile.channel_id,
            code=error.code,
            revision=profile.channel_revision,
        )
        if paused == "outdated":
            return await part.later(_turned_away(error.code), after=OUTDATED_DELAY)
        if paused == "paused":
            self._metrics.channel_paused(error.code)
        known = behaviour_of(error.code)
        reason = _paused(error.code, UNKNOWN_REASON if known is None else known.meaning)
        return await part.later(reason, after=self._waiting.for_resumption(part.message_id))

    async def _may_probe(self, profile: AssistantProfile, pause: ChannelPause) -> bool:
        if pause.probe_at is None or pause.probe_at > utc_now():
            return False
        return await self._pauses.may_probe(profile.organization_id, profile.channel_id, pause)

    async def _await_resumption(self, part: PartInHand, pause: ChannelPause) -> SentPart:
        if not part.is_resend and not self._waiting.knows(part.message_id):
            # An attempt elsewhere may have sent it. If not, operators see in the transcript that
            # it waits.
            claim = await part.claim()
            if claim.state != "claimed":
                return await part.known(claim)
            await part.release()
        delay = self._waiting.for_resumption(part.message_id)
        return await part.later(_paused(pause.code, pause.reason), after=delay)

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


_NUMBER_BUSY: Final = Reason("NumberBusy", "The number sends as much as it may.")
_UNREACHABLE: Final = Reason("Unreachable", "The Graph API cannot be reached.")


def _turned_away(code: int | None) -> Reason:
    return Reason("BackOff", f"Meta turned the message away for now (code {code}).", code)


def _paused(code: int | None, reason: str) -> Reason:
    return Reason("ChannelPaused", f"The channel is paused (code {code}): {reason}", code)
