"""Holds a conversation to its organisation's quotas, and counts what it uses of them."""

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy.exc import SQLAlchemyError
from temporalio.service import RPCError

from adapters.dynamodb.conversations import Conversations, WrittenInbound
from adapters.dynamodb.quota_counters import QuotaCounters
from adapters.dynamodb.values import utc_now
from adapters.events import Tell, tell_nobody
from adapters.postgres.assistant_profiles import AssistantProfile, AssistantProfiles
from adapters.temporal.metrics import WorkerMetrics
from contracts.conversation import ConversationRef, RecordInbound, Turn
from contracts.events import BusinessEvent
from contracts.quotas import ReachedLimit
from domain.business_events import limit_reached
from domain.quotas import (
    MEASURES,
    Period,
    Used,
    Window,
    just_reached,
    metered,
    verdict,
    windows,
)
from telemetry import get_logger

_log = get_logger(__name__)

_UNANSWERED: Final = (BotoCoreError, ClientError, OSError, TimeoutError)


class QuotaKeeper:
    """Costs an organisation without quotas a look into memory."""

    def __init__(
        self,
        *,
        profiles: AssistantProfiles,
        counters: QuotaCounters,
        conversations: Conversations,
        metrics: WorkerMetrics,
        tell: Tell = tell_nobody,
    ) -> None:
        self._profiles = profiles
        self._counters = counters
        self._conversations = conversations
        self._metrics = metrics
        self._tell = tell
        self._counting: set[asyncio.Task[None]] = set()

    async def limit_of(
        self, request: RecordInbound, recorded: WrittenInbound
    ) -> ReachedLimit | None:
        """Count recorded messages; the limit that keeps some of them from being answered.

        A message is counted by the one call that wrote it (`WrittenInbound.written`), so it never
        counts twice; it is not counted if the worker dies between the two. Where a repetition finds
        the messages written, it decides by what is counted. Without an answer of the counters there
        is no decision: the error makes Temporal ask again, and a quota is never passed unseen.
        """
        ref = request.conversation
        if not recorded.fresh:
            return None
        try:
            profile = await self._profiles.for_channel(ref.organization_id, ref.channel_id)
        except LookupError:
            return None  # The channel is gone: the turn will find nobody to answer as.
        open_windows = _metered_windows(profile)
        if not open_windows:
            return None
        used = await self._counters.add(
            ref.organization_id,
            open_windows,
            person_id=ref.person_id,
            messages=recorded.written,
        )
        self._report(ref, profile, used, messages=recorded.written)
        # A repetition has written nothing; the attempt that did may have died before it told.
        await self._tell(
            *_events(
                ref, profile, used, open_windows,
                messages=recorded.written or len(recorded.fresh),
            )
        )  # fmt: skip
        allowed, quota = verdict(profile.quotas, used, fresh=len(recorded.fresh))
        beyond = set(recorded.fresh[allowed:])
        refused = [
            record.message_id
            for record in request.messages
            if record.message_id in beyond and record.message.reply != "none"
        ]
        if quota is None or not refused:
            return None
        self._metrics.messages_refused(quota, len(refused))
        window = open_windows[MEASURES[quota].period]
        tell, _ = await asyncio.gather(
            self._counters.is_to_be_told(
                ref.organization_id, window, person_id=ref.person_id, turn_id=request.turn_id
            ),
            self._conversations.limit(ref, by=quota, until=window.ends),
        )
        return ReachedLimit(quota=quota, until=window.ends, refused=refused, tell=tell)

    def count_tokens(
        self, turn: Turn, profile: AssistantProfile, *, tokens: int
    ) -> Awaitable[None]:
        """Begin to count tokens that a model was paid for; wait for the end of it when you like.

        It goes on when the caller is cancelled. It never fails: a reply that was written is not
        thrown away because it could not be counted.
        """
        task = asyncio.create_task(self._count_tokens(turn, profile, tokens))
        self._counting.add(task)
        task.add_done_callback(self._counting.discard)
        return asyncio.shield(task)

    async def _count_tokens(self, turn: Turn, profile: AssistantProfile, tokens: int) -> None:
        ref = turn.conversation
        open_windows = _metered_windows(profile)
        open_windows.pop("minute", None)
        if not open_windows or not tokens:
            return
        try:
            used = await self._counters.add(
                ref.organization_id, open_windows, person_id=ref.person_id, tokens=tokens
            )
        except _UNANSWERED as error:
            _log.warning(
                "tokens_not_counted",
                organization_id=ref.organization_id,
                count=tokens,
                error=type(error).__name__,
            )
            return
        self._report(ref, profile, used, tokens=tokens)
        try:
            await self._tell(*_events(ref, profile, used, open_windows, tokens=tokens))
        except (*_UNANSWERED, RPCError, SQLAlchemyError) as error:
            _log.warning(
                "limit_not_told",
                organization_id=ref.organization_id,
                error=type(error).__name__,
            )

    async def close(self) -> None:
        """Let the counts end that nobody waits for: no longer than the counters' client waits."""
        await asyncio.gather(*self._counting, return_exceptions=True)

    def _report(
        self,
        ref: ConversationRef,
        profile: AssistantProfile,
        used: Mapping[Period, Used],
        *,
        messages: int = 0,
        tokens: int = 0,
    ) -> None:
        reached = just_reached(profile.quotas, used, messages=messages, tokens=tokens)
        for quota, limit in reached:
            self._metrics.quota_reached(quota, limit)
            _log.warning(
                "quota_reached",
                quota=quota,
                limit=limit,
                organization_id=ref.organization_id,
                conversation_id=ref.conversation_id,
            )


def _events(
    ref: ConversationRef,
    profile: AssistantProfile,
    used: Mapping[Period, Used],
    open_windows: Mapping[Period, Window],
    *,
    messages: int = 0,
    tokens: int = 0,
) -> list[BusinessEvent]:
    """One for each limit that has just been reached."""
    reached = just_reached(profile.quotas, used, messages=messages, tokens=tokens)
    return [
        limit_reached(
            ref,
            quota=quota,
            limit=limit,
            window=open_windows[MEASURES[quota].period].label,
            until=open_windows[MEASURES[quota].period].ends,
            at=utc_now(),
        )
        for quota, limit in reached
    ]


def _metered_windows(profile: AssistantProfile) -> dict[Period, Window]:
    periods = metered(profile.quotas)
    if not periods:
        return {}
    everything = windows(utc_now(), timezone=profile.timezone)
    return {period: everything[period] for period in everything if period in periods}
