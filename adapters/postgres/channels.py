"""WhatsApp numbers of an organisation. Secrets are sealed on their way in."""

from typing import Any, Final

from sqlmodel import col, select
from sqlmodel import update as update_rows
from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.keyring import KeyRing
from adapters.postgres import channel_pauses
from adapters.postgres.rows import Page, find, narrowed, new_id, newest_first, save
from adapters.postgres.sealed import open_channel_secret, seal_channel_secret
from adapters.postgres.tables import Channel
from contracts.ids import AssistantId, ChannelId, OrganizationId

SECRETS: Final = ("access_token", "app_secret", "verify_token")
VERIFIED: Final = frozenset({"waba_id", "display_phone_number", "access_token"})
"""What a verification is about: a change of any of these makes it void."""


def new_channel_id(seed: str | None = None) -> ChannelId:
    return ChannelId(new_id("chn", seed))


async def create(
    session: AsyncSession,
    *,
    keyring: KeyRing,
    organization_id: OrganizationId,
    phone_number_id: str,
    waba_id: str,
    display_phone_number: str,
    access_token: str,
    app_secret: str | None = None,
    verify_token: str | None = None,
    assistant_id: AssistantId | None = None,
    messages_per_second: int = 80,
    channel_id: ChannelId | None = None,
) -> Channel:
    """Connect a number; `IntegrityError` when it is connected already, to whomever.

    Args:
        access_token, app_secret, verify_token: in clear; stored sealed.
        channel_id: by default a new one.
    """
    identifier = channel_id or new_channel_id()

    def seal(column: str, secret: str) -> bytes:
        return seal_channel_secret(
            secret,
            keyring=keyring,
            column=column,
            organization_id=organization_id,
            channel_id=identifier,
        )

    channel = Channel(
        id=identifier,
        organization_id=organization_id,
        phone_number_id=phone_number_id,
        waba_id=waba_id,
        display_phone_number=display_phone_number,
        assistant_id=assistant_id,
        messages_per_second=messages_per_second,
        access_token_encrypted=seal("access_token", access_token),
        app_secret_encrypted=None if app_secret is None else seal("app_secret", app_secret),
        verify_token_encrypted=None if verify_token is None else seal("verify_token", verify_token),
    )
    return await save(session, channel)


async def get(session: AsyncSession, channel_id: str, *, lock: bool = False) -> Channel | None:
    return await find(session, select(Channel).where(Channel.id == channel_id), lock=lock)


def access_token_of(channel: Channel, *, keyring: KeyRing) -> str:
    """In clear; `SealError` when none of the keys opens it."""
    return open_channel_secret(
        channel.access_token_encrypted,
        keyring=keyring,
        column="access_token",
        organization_id=channel.organization_id,
        channel_id=channel.id,
    )


async def page(
    session: AsyncSession,
    *,
    assistant_id: str | None = None,
    phone_number_id: str | None = None,
    waba_id: str | None = None,
    limit: int,
    cursor: str | None,
) -> Page[Channel]:
    query = narrowed(
        select(Channel),
        (Channel.assistant_id, assistant_id),
        (Channel.phone_number_id, phone_number_id),
        (Channel.waba_id, waba_id),
    )
    return await newest_first(session, query, table=Channel, limit=limit, cursor=cursor)


async def update(
    session: AsyncSession, channel: Channel, *, keyring: KeyRing, changes: dict[str, Any]
) -> Channel:
    """Apply the changes, sealing the secrets among them; a secret of None is removed.

    The verification is void afterwards if it was about what has changed. Another access token ends
    a pause: whether it helped, the next message tells.
    """
    sealed = {
        f"{column}_encrypted": None
        if changes[column] is None
        else seal_channel_secret(
            changes[column],
            keyring=keyring,
            column=column,
            organization_id=channel.organization_id,
            channel_id=channel.id,
        )
        for column in SECRETS
        if column in changes
    }
    plain = {name: value for name, value in changes.items() if name not in SECRETS}
    void: dict[str, Any] = {"verification": {}} if VERIFIED & changes.keys() else {}
    updated = await save(session, channel.sqlmodel_update(plain | sealed | void))
    if "access_token" in changes:
        await channel_pauses.resume(session, updated)
    return updated


async def set_verification(
    session: AsyncSession, channel: Channel, verification: dict[str, Any]
) -> Channel:
    """Keep what Graph said. The administrator has changed nothing: `updated_at` stays."""
    await session.exec(
        update_rows(Channel)
        .where(col(Channel.id) == channel.id)
        .values(verification=verification, updated_at=col(Channel.updated_at))
    )
    await session.refresh(channel)
    return channel


async def delete(session: AsyncSession, channel: Channel) -> None:
    """Disconnect the number. Its conversations stay readable."""
    await session.delete(channel)
    await session.flush()
