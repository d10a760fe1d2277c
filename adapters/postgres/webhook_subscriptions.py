"""Who of an organisation's own systems is to be told of what, at memory speed."""

from sqlmodel import select

from adapters.cache_lookups import CountLookup, uncounted
from adapters.postgres.database import Database
from adapters.postgres.running import Running
from adapters.postgres.tables import WebhookEndpoint
from adapters.postgres.tenant_cache import TenantCache
from contracts.events import EventType
from contracts.ids import OrganizationId, WebhookEndpointId
from contracts.model import Contract


class Subscription(Contract):
    """An endpoint, and what it takes."""

    endpoint_id: WebhookEndpointId
    event_types: frozenset[str]
    """Empty: all."""
    enabled: bool

    def takes(self, event_type: EventType) -> bool:
        return not self.event_types or event_type in self.event_types


class Subscriptions(Contract):
    """Of one organisation; most have none, and that is remembered as well."""

    organization_id: OrganizationId
    endpoints: tuple[Subscription, ...] = ()


class WebhookSubscriptions(Running):
    """Looks them up and remembers them until they change; `async with` starts and closes it."""

    def __init__(self, database: Database, *, count: CountLookup = uncounted) -> None:
        self._database = database
        self._cache = TenantCache[OrganizationId, Subscriptions](
            database,
            load=self._load,
            organization_of=lambda found: found.organization_id,
            name="webhook_endpoints",
            count=count,
        )

    async def of(self, organization_id: OrganizationId) -> tuple[Subscription, ...]:
        """All of the organisation's, also those that are disabled."""
        found = await self._cache.get(organization_id)
        return () if found is None else found.endpoints

    async def start(self) -> None:
        await self._cache.start()

    async def close(self) -> None:
        await self._cache.close()

    async def _load(self, organization_id: OrganizationId) -> Subscriptions:
        async with self._database.tenant(organization_id) as session:
            rows = (await session.exec(select(WebhookEndpoint))).all()
        return Subscriptions(
            organization_id=organization_id,
            endpoints=tuple(
                Subscription(
                    endpoint_id=row.id,
                    event_types=frozenset(row.event_types),
                    enabled=row.enabled,
                )
                for row in rows
            ),
        )
