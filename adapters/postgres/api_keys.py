"""Keys of the REST API. A secret is shown when it is made; only its hash is kept."""

import hashlib
import secrets
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import func
from sqlalchemy import update as update_rows
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.postgres.rows import Page, find, narrowed, new_id, newest_first, save
from adapters.postgres.tables import ApiKey, Role
from contracts.ids import ApiKeyId, OrganizationId

SECRET_PREFIX: Final = "pk_live_"  # noqa: S105 - the recognisable start of a secret, not one
VISIBLE_CHARACTERS: Final = len(SECRET_PREFIX) + 4


class NewApiKey(NamedTuple):
    key: ApiKey
    secret: str


def hash_secret(secret: str) -> str:
    """SHA-256 in hex. A secret is 256 random bits, which needs no slow hash."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def new_api_key_id(seed: str | None = None) -> ApiKeyId:
    return ApiKeyId(new_id("key", seed))


async def create(
    session: AsyncSession,
    *,
    name: str,
    role: Role,
    organization_id: OrganizationId | None,
    expires_at: datetime | None = None,
    requests_per_minute: int | None = None,
    key_id: ApiKeyId | None = None,
) -> NewApiKey:
    """Make a key.

    Args:
        organization_id: None for a platform administrator's, and only for those.
        requests_per_minute: None for the platform's limit.
        key_id: by default a new one.
    """
    secret = _new_secret()
    key = ApiKey(
        id=key_id or new_api_key_id(),
        organization_id=organization_id,
        name=name,
        role=role,
        prefix=secret[:VISIBLE_CHARACTERS],
        secret_hash=hash_secret(secret),
        expires_at=expires_at,
        requests_per_minute=requests_per_minute,
    )
    return NewApiKey(await save(session, key), secret)


async def renew_secret(session: AsyncSession, key: ApiKey) -> NewApiKey:
    """Give the key another secret; the one before is nothing any more."""
    secret = _new_secret()
    key.prefix, key.secret_hash = secret[:VISIBLE_CHARACTERS], hash_secret(secret)
    return NewApiKey(await save(session, key), secret)


async def update(session: AsyncSession, key: ApiKey, *, changes: dict[str, Any]) -> ApiKey:
    return await save(session, key.sqlmodel_update(changes))


async def use(session: AsyncSession, *, secret_hash: str) -> ApiKey | None:
    """The key with this hash unless it was revoked, noting that it was used. Needs the platform."""
    statement = (
        update_rows(ApiKey)
        .where(col(ApiKey.secret_hash) == secret_hash, col(ApiKey.revoked_at).is_(None))
        .values(last_used_at=func.now())
        .returning(ApiKey)
    )
    return (await session.exec(statement)).scalars().first()


async def get(session: AsyncSession, key_id: str, *, lock: bool = False) -> ApiKey | None:
    return await find(session, select(ApiKey).where(ApiKey.id == key_id), lock=lock)


async def page(
    session: AsyncSession,
    *,
    role: str | None = None,
    revoked: bool | None = None,
    platform: bool | None = None,
    limit: int,
    cursor: str | None,
) -> Page[ApiKey]:
    """A page of the keys.

    Args:
        platform: True for those of platform administrators, which the platform alone sees.
    """
    query = narrowed(
        select(ApiKey),
        (ApiKey.role, role),
        (col(ApiKey.revoked_at).is_not(None), revoked),
        (col(ApiKey.organization_id).is_(None), platform),
    )
    return await newest_first(session, query, table=ApiKey, limit=limit, cursor=cursor)


async def revoke(session: AsyncSession, key: ApiKey) -> ApiKey:
    """End the key now; revoking it again changes nothing. It stays listed."""
    if key.revoked_at is None:
        statement = (
            update_rows(ApiKey).where(col(ApiKey.id) == key.id).values(revoked_at=func.now())
        )
        await session.exec(statement)
        await session.refresh(key)
    return key


def _new_secret() -> str:
    return SECRET_PREFIX + secrets.token_urlsafe(32)
