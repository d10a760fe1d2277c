"""Sealed columns: what the key ring binds each to, so that it opens nowhere else."""

from adapters.keyring import KeyRing
from contracts.ids import ChannelId, OrganizationId


def seal_channel_secret(
    secret: str,
    *,
    keyring: KeyRing,
    column: str,
    organization_id: OrganizationId,
    channel_id: ChannelId,
) -> bytes:
    return keyring.seal(
        secret.encode(), context=_channel_context(column, organization_id, channel_id)
    )


def open_channel_secret(
    sealed: bytes,
    *,
    keyring: KeyRing,
    column: str,
    organization_id: OrganizationId,
    channel_id: ChannelId,
) -> str:
    context = _channel_context(column, organization_id, channel_id)
    return keyring.open(sealed, context=context).decode()


def seal_openai_key(secret: str, *, keyring: KeyRing, organization_id: OrganizationId) -> bytes:
    return keyring.seal(secret.encode(), context=_openai_context(organization_id))


def open_openai_key(sealed: bytes, *, keyring: KeyRing, organization_id: OrganizationId) -> str:
    return keyring.open(sealed, context=_openai_context(organization_id)).decode()


def _channel_context(column: str, organization_id: OrganizationId, channel_id: ChannelId) -> str:
    return f"channels.{column}:{organization_id}:{channel_id}"


def _openai_context(organization_id: OrganizationId) -> str:
    return f"organizations.openai_api_key:{organization_id}"
