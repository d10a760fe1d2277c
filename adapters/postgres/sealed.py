"""Sealed columns: which they are, and what the key ring binds each value to.

A value opens only in its own column and row. Every column whose name ends in `_encrypted` is
sealed, and bound in the same way, so that the rotation of keys finds it without being told.
"""

from typing import Final, NamedTuple

from sqlmodel import SQLModel

from adapters.keyring import KeyRing
from adapters.postgres import tables
from contracts.ids import ChannelId, OrganizationId, WebhookEndpointId

SUFFIX: Final = "_encrypted"
_ORGANIZATIONS: Final = str(tables.Organization.__tablename__)
_CHANNELS: Final = str(tables.Channel.__tablename__)
_WEBHOOK_ENDPOINTS: Final = str(tables.WebhookEndpoint.__tablename__)


class SealedColumn(NamedTuple):
    """A column whose values the key ring has sealed."""

    table: str
    column: str

    @property
    def secret(self) -> str:
        """Its name in the API."""
        return self.column.removesuffix(SUFFIX)

    def context(self, *, organization_id: str, row_id: str) -> str:
        """What a value is bound to; an organisation's own row is named once."""
        row = organization_id if self.table == _ORGANIZATIONS else f"{organization_id}:{row_id}"
        return f"{self.table}.{self.secret}:{row}"


def sealed_columns() -> dict[str, list[SealedColumn]]:
    """All of them, by table."""
    found = {
        table.name: [
            SealedColumn(table.name, column.name)
            for column in table.columns
            if column.name.endswith(SUFFIX)
        ]
        for table in SQLModel.metadata.sorted_tables
    }
    return {table: columns for table, columns in found.items() if columns}


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


def seal_webhook_secret(
    secret: str,
    *,
    keyring: KeyRing,
    column: str,
    organization_id: OrganizationId,
    endpoint_id: WebhookEndpointId,
) -> bytes:
    return keyring.seal(
        secret.encode(), context=_webhook_context(column, organization_id, endpoint_id)
    )


def open_webhook_secret(
    sealed: bytes,
    *,
    keyring: KeyRing,
    column: str,
    organization_id: OrganizationId,
    endpoint_id: WebhookEndpointId,
) -> str:
    context = _webhook_context(column, organization_id, endpoint_id)
    return keyring.open(sealed, context=context).decode()


def _channel_context(column: str, organization_id: OrganizationId, channel_id: ChannelId) -> str:
    return SealedColumn(_CHANNELS, column + SUFFIX).context(
        organization_id=organization_id, row_id=channel_id
    )


def _webhook_context(
    column: str, organization_id: OrganizationId, endpoint_id: WebhookEndpointId
) -> str:
    return SealedColumn(_WEBHOOK_ENDPOINTS, column + SUFFIX).context(
        organization_id=organization_id, row_id=endpoint_id
    )


def _openai_context(organization_id: OrganizationId) -> str:
    return SealedColumn(_ORGANIZATIONS, f"openai_api_key{SUFFIX}").context(
        organization_id=organization_id, row_id=organization_id
    )
