"""Channels that may not send for now: Meta has refused what is not one message's fault.

While a channel is paused its messages wait. Now and then one of them may try whether it is mended;
all processes together take turns in that. A change here is announced like every other one of a
channel, so every process knows of it at once.
"""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, func, or_
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.postgres.database import Database
from adapters.postgres.tables import Channel
from contracts.ids import ChannelId, OrganizationId
from contracts.model import Contract
from domain.graph_error_codes import CODES
from domain.graph_errors import Verdict, behaviour_of, probe_every

Paused = Literal["paused", "already", "outdated"]

JITTER: Final = 0.1
UNKNOWN_REASON: Final = "Meta's server refuses the number's requests and does not say why."
_ACCOUNT_CODES: Final = sorted(
    code for code, known in CODES.items() if known.verdict is Verdict.ACCOUNT_BLOCKED
)


class ChannelPause(Contract):
    """That a channel waits, since when and why."""

    since: datetime
    code: int | None
    """Meta's."""
    reason: str
    probe_at: datetime | None
    """When a message may try next whether it is mended."""


class ChannelPauses:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def pause(
        self,
        organization_id: OrganizationId,
        channel_id: ChannelId,
        *,
        code: int | None,
        revision: int | None = None,
    ) -> Paused:
        """Pause the channel; with a code about the account, all channels of its account.

        Args:
            code: what Meta refused a message with; None when it named none.
            revision: of the channel as it was when the message was sent. If an administrator has
                changed it since, the refusal says nothing about it, and nothing is paused.

        Returns:
            `outdated` also for a channel that was deleted meanwhile.
        """
        known = behaviour_of(code)
        async with self._database.tenant(organization_id) as session:
            channel = (await session.exec(select(Channel).where(Channel.id == channel_id))).first()
            if channel is None or revision not in (None, channel.revision):
                return "outdated"
            concerned = col(Channel.id) == channel_id
            if known is not None and known.verdict is Verdict.ACCOUNT_BLOCKED:
                concerned = col(Channel.waba_id) == channel.waba_id
            if revision is not None:
                concerned &= or_(col(Channel.id) != channel_id, col(Channel.revision) == revision)
            changed = await _change(
                session,
                concerned
                & or_(
                    col(Channel.paused_at).is_(None),
                    col(Channel.paused_code).is_distinct_from(code),
                ),
                paused_at=func.coalesce(col(Channel.paused_at), func.now()),
                paused_code=code,
                paused_reason=UNKNOWN_REASON if known is None else known.meaning,
                probe_at=func.now() + _probe_in(code),
            )
        return "paused" if channel_id in changed else "already"

    async def may_probe(
        self, organization_id: OrganizationId, channel_id: ChannelId, pause: ChannelPause
    ) -> bool:
        """Whether the caller is the one, of all processes, that may try a message now."""
        async with self._database.tenant(organization_id) as session:
            channel = (await session.exec(select(Channel).where(Channel.id == channel_id))).first()
            if channel is None:
                return False
            due = await _change(
                session,
                _paused_with(channel) & (col(Channel.probe_at) <= func.now()),
                probe_at=func.now() + _probe_in(pause.code),
            )
        return channel_id in due

    async def resume(
        self, organization_id: OrganizationId, channel_id: ChannelId
    ) -> Sequence[ChannelId]:
        """As the function `resume`, in a transaction of its own; a deleted channel resumes none."""
        async with self._database.tenant(organization_id) as session:
            channel = (await session.exec(select(Channel).where(Channel.id == channel_id))).first()
            return [] if channel is None else await resume(session, channel)


async def resume(session: AsyncSession, channel: Channel) -> Sequence[ChannelId]:
    """End the channel's pause; if it was about the account, that of all channels of the account.

    Returns:
        The channels that were paused and are no longer.
    """
    resumed = await _change(
        session,
        _paused_with(channel) & col(Channel.paused_at).is_not(None),
        paused_at=None,
        paused_code=None,
        paused_reason=None,
        probe_at=None,
    )
    await session.refresh(channel)
    return resumed


def pause_of(channel: Channel) -> ChannelPause | None:
    if channel.paused_at is None:
        return None
    return ChannelPause(
        since=channel.paused_at,
        code=channel.paused_code,
        reason=channel.paused_reason or UNKNOWN_REASON,
        probe_at=channel.probe_at,
    )


def _paused_with(channel: Channel) -> ColumnElement[bool]:
    """The channel, and those that wait for the same account to be mended."""
    itself = col(Channel.id) == channel.id
    if channel.paused_code not in _ACCOUNT_CODES:
        return itself
    others = col(Channel.paused_code).in_(_ACCOUNT_CODES)
    return or_(itself, (col(Channel.waba_id) == channel.waba_id) & others)


async def _change(
    session: AsyncSession, condition: ColumnElement[bool], **values: Any
) -> list[ChannelId]:
    """Change these channels, always in the same order; the ids of those that were changed."""
    locked = select(Channel.id).where(condition).order_by(col(Channel.id)).with_for_update()
    statement = (
        update(Channel)
        .where(col(Channel.id).in_(locked))
        .values(**values, updated_at=col(Channel.updated_at))
        .returning(col(Channel.id))
        .execution_options(synchronize_session=False)
    )
    return list((await session.exec(statement)).scalars().all())


def _probe_in(code: int | None) -> timedelta:
    # Numbers that were paused together need not try together; no secret hangs on it.
    return probe_every(code) * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
