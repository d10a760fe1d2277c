"""Asking Meta about a channel: between two transactions, never inside of one."""

import secrets
from datetime import UTC, datetime
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from adapters.keyring import KeyRing, SealError
from adapters.postgres import channel_pauses, channels
from adapters.postgres.tables import Channel
from adapters.whatsapp.verification import Claim, verify_number
from api.dependencies import Tenant
from api.problems import not_found
from api.schemas.base import Output
from domain.channel_verification import Verification, conclude, token_unreadable
from telemetry import get_logger

VERIFY_TOKEN_BYTES: Final = 32

_log = get_logger(__name__)


def new_verify_token() -> str:
    """Random, and fit for the field of the Meta app's webhook settings."""
    return secrets.token_urlsafe(VERIFY_TOKEN_BYTES)


async def verify(tenant: Tenant, channel: Channel, *, audited: bool = False) -> Channel:
    """The channel with what Meta says of it now, which is also stored.

    If somebody has changed the channel meanwhile, that request asks Meta itself and this answer is
    dropped. A 404 problem if it has been deleted.

    Args:
        audited: write an entry of its own; no other one tells that Meta was asked.
    """
    keyring = tenant.services.keyring
    claim = _claim(channel, keyring)
    verification = (
        _unreadable() if claim is None else await verify_number(tenant.services.graph, claim)
    )
    async with tenant.session() as session:
        current = await channels.get(session, channel.id, lock=True)
        if current is None:
            raise not_found("channel")
        if _claim(current, keyring) != claim:
            return current
        before = Verified.model_validate(current)
        verified = await channels.set_verification(
            session, current, verification.model_dump(mode="json")
        )
        if verification.status == "verified":
            await channel_pauses.resume(session, verified)
        if audited:
            await tenant.record(
                session,
                action="channel.verify",
                resource_id=channel.id,
                before=before,
                after=Verified.model_validate(verified),
            )
        return verified


async def verify_changed(tenant: Tenant, channel: Channel) -> Channel:
    """As `verify`, of a channel that has just been made or changed: which stands in any case.

    When PostgreSQL does not take the answer, the channel is what was stored before: unverified.
    """
    try:
        return await verify(tenant, channel)
    except (SQLAlchemyError, OSError) as error:
        _log.warning("verification_lost", channel_id=channel.id, error=type(error).__name__)
        return channel


class Verified(Output):
    """What asking Meta changes of a channel."""

    verification: Verification


def _claim(channel: Channel, keyring: KeyRing) -> Claim | None:
    """What the administrator says; None when its token cannot be opened."""
    try:
        access_token = channels.access_token_of(channel, keyring=keyring)
    except SealError:
        return None
    return Claim(
        phone_number_id=channel.phone_number_id,
        waba_id=channel.waba_id,
        display_phone_number=channel.display_phone_number,
        access_token=access_token,
    )


def _unreadable() -> Verification:
    return conclude(None, [token_unreadable()], subscribed=False, checked_at=datetime.now(UTC))
