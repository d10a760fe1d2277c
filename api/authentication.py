"""Who is asking: a Bearer key, what it may do, and for whom."""

import hmac
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self

from pydantic import SecretStr

from adapters.cache_lookups import CountLookup, uncounted
from adapters.postgres import api_keys
from adapters.postgres.database import Database
from adapters.postgres.tables import Role
from adapters.postgres.tenant_cache import TenantCache
from contracts.ids import ApiKeyId, OrganizationId
from contracts.model import Contract

BOOTSTRAP_KEY_ID: Final = ApiKeyId("bootstrap")
"""Stands for PARLEY_ADMIN_KEY, which is in no table."""
BOOTSTRAP_KEY_NAME: Final = "PARLEY_ADMIN_KEY"
KEY_SECONDS: Final = 30.0
"""How long a key is believed without a look; its revocation is announced and counts at once."""

_RANKS: Final[dict[Role, int]] = {"viewer": 0, "operator": 1, "admin": 2, "platform_admin": 3}


class Principal(Contract):
    """The key behind a request."""

    key_id: ApiKeyId
    name: str
    role: Role
    organization_id: OrganizationId | None
    expires_at: datetime | None = None
    requests_per_minute: int | None = None
    """None: the platform's limit."""

    def may(self, role: Role) -> bool:
        """Whether this key may do what `role` may: each role includes those below it."""
        return _RANKS[self.role] >= _RANKS[role]

    def sees(self, organization_id: str) -> bool:
        return self.role == "platform_admin" or self.organization_id == organization_id


class Authenticator:
    """Tells keys apart; `async with` starts and closes it."""

    def __init__(
        self,
        database: Database,
        *,
        admin_key: SecretStr | None,
        count: CountLookup = uncounted,
    ) -> None:
        self._database = database
        self._admin_key_hash = (
            None if admin_key is None else api_keys.hash_secret(admin_key.get_secret_value())
        )
        # By hash: a secret stays in memory no longer than its request.
        self._cache = TenantCache[str, Principal](
            database,
            load=self._load,
            organization_of=lambda principal: principal.organization_id,
            name="api_keys",
            count=count,
            found_seconds=KEY_SECONDS,
        )

    async def __aenter__(self) -> Self:
        await self._cache.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._cache.close()

    async def principal(self, secret: str) -> Principal | None:
        """Whose key this is; None when it is unknown, revoked or expired."""
        secret_hash = api_keys.hash_secret(secret)
        if self._admin_key_hash and hmac.compare_digest(secret_hash, self._admin_key_hash):
            return Principal(
                key_id=BOOTSTRAP_KEY_ID,
                name=BOOTSTRAP_KEY_NAME,
                role="platform_admin",
                organization_id=None,
            )
        principal = await self._cache.get(secret_hash)
        if principal is None or (
            principal.expires_at is not None and principal.expires_at <= datetime.now(UTC)
        ):
            return None
        return principal

    def forget(self) -> None:
        """Ask the database anew, now: in this process a revocation need not even be announced."""
        self._cache.forget(None)

    async def _load(self, secret_hash: str) -> Principal | None:
        async with self._database.platform() as session:
            key = await api_keys.use(session, secret_hash=secret_hash)
            return (
                None
                if key is None
                else Principal.model_validate(
                    {
                        "key_id": key.id,
                        "name": key.name,
                        "role": key.role,
                        "organization_id": key.organization_id,
                        "expires_at": key.expires_at,
                        "requests_per_minute": key.requests_per_minute,
                    }
                )
            )
