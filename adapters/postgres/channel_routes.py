"""Where a delivery belongs: from the number that it names to the organisation, at memory speed."""

from typing import Final, Literal

from pydantic import Field
from sqlmodel import col, select

from adapters.cache_lookups import CountLookup, uncounted
from adapters.keyring import KeyRing
from adapters.postgres.database import Database
from adapters.postgres.running import Running
from adapters.postgres.sealed import open_channel_secret
from adapters.postgres.tables import Assistant, Channel
from adapters.postgres.tenant_cache import TenantCache
from contracts.ids import AssistantId, ChannelId, OrganizationId
from contracts.model import Contract

DEFAULT_DEBOUNCE_SECONDS: Final = 0.8
"""Of a channel without an assistant."""

_Key = tuple[Literal["phone_number_id", "id"], str]


class ChannelRoute(Contract):
    """What the webhook needs to know of a channel. Secrets stay out of its `repr`."""

    organization_id: OrganizationId
    channel_id: ChannelId
    phone_number_id: str
    assistant_id: AssistantId | None
    debounce_seconds: float
    app_secrets: tuple[str, ...] = Field(default=(), repr=False)
    """The channel's own; empty when the platform's app signs its deliveries."""
    verify_token: str | None = Field(default=None, repr=False)


class ChannelRoutes(Running):
    """Looks channels up and remembers them until they change; `async with` starts and closes it."""

    def __init__(
        self, database: Database, keyring: KeyRing, *, count: CountLookup = uncounted
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._cache = TenantCache[_Key, ChannelRoute](
            database,
            load=self._load,
            organization_of=lambda route: route.organization_id,
            name="channel_routes",
            count=count,
        )

    async def by_phone_number_id(self, phone_number_id: str) -> ChannelRoute | None:
        """The channel that Meta names in `metadata.phone_number_id`; None when it is nobody's."""
        return await self._find(("phone_number_id", phone_number_id))

    async def by_channel_id(self, channel_id: str) -> ChannelRoute | None:
        """The channel with a webhook address of its own; None when there is no such channel."""
        return await self._find(("id", channel_id))

    async def start(self) -> None:
        await self._cache.start()

    async def close(self) -> None:
        await self._cache.close()

    async def _find(self, key: _Key) -> ChannelRoute | None:
        name = key[1]
        if not (name.isascii() and name.isprintable()):
            # No id looks like this, and PostgreSQL refuses NUL characters.
            return None
        return await self._cache.get(key)

    async def _load(self, key: _Key) -> ChannelRoute | None:
        column, value = key
        query = (
            select(Channel, Assistant.debounce_seconds)
            .join(Assistant, col(Assistant.id) == Channel.assistant_id, isouter=True)
            .where((Channel.id if column == "id" else Channel.phone_number_id) == value)
        )
        async with self._database.platform() as session:
            row = (await session.exec(query)).first()
        return None if row is None else self._route(row[0], row[1])

    def _route(self, channel: Channel, debounce_seconds: float | None) -> ChannelRoute:
        app_secret = self._open(channel, "app_secret", channel.app_secret_encrypted)
        return ChannelRoute(
            organization_id=channel.organization_id,
            channel_id=channel.id,
            phone_number_id=channel.phone_number_id,
            assistant_id=channel.assistant_id,
            debounce_seconds=(
                DEFAULT_DEBOUNCE_SECONDS if debounce_seconds is None else debounce_seconds
            ),
            app_secrets=() if app_secret is None else (app_secret,),
            verify_token=self._open(channel, "verify_token", channel.verify_token_encrypted),
        )

    def _open(self, channel: Channel, column: str, sealed: bytes | None) -> str | None:
        if sealed is None:
            return None
        return open_channel_secret(
            sealed,
            keyring=self._keyring,
            column=column,
            organization_id=channel.organization_id,
            channel_id=channel.id,
        )
