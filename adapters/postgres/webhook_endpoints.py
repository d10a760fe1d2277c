"""Endpoints of an organisation's own systems, and what becomes of them as they answer or do not.

Their secrets are sealed on their way in. A replaced one still signs for a day, so that the receiver
can change it without losing an event.
"""

import base64
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlmodel import col, func, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.keyring import KeyRing
from adapters.postgres.rows import Page, find, narrowed, new_id, newest_first, save
from adapters.postgres.sealed import open_webhook_secret, seal_webhook_secret
from adapters.postgres.tables import WebhookEndpoint
from contracts.ids import OrganizationId, WebhookEndpointId

PREVIOUS_KEPT: Final = timedelta(hours=24)
SECRET_BYTES: Final = 32
"""Standard Webhooks asks for 24 to 64."""


def new_webhook_endpoint_id(seed: str | None = None) -> WebhookEndpointId:
    return WebhookEndpointId(new_id("whe", seed))


def new_signing_secret() -> str:
    """As Standard Webhooks writes it: `whsec_` and the key in base64."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"


async def create(
    session: AsyncSession,
    *,
    keyring: KeyRing,
    organization_id: OrganizationId,
    endpoint_id: WebhookEndpointId,
    url: str,
    secret: str,
    description: str = "",
    event_types: list[str] | None = None,
    enabled: bool = True,
) -> WebhookEndpoint:
    """
    Args:
        secret: in clear; stored sealed.
        event_types: empty for all.
    """
    endpoint = WebhookEndpoint(
        id=endpoint_id,
        organization_id=organization_id,
        url=url,
        description=description,
        event_types=event_types or [],
        secret_encrypted=seal_webhook_secret(
            secret,
            keyring=keyring,
            column="secret",
            organization_id=organization_id,
            endpoint_id=endpoint_id,
        ),
        **_switched(enabled),
    )
    return await save(session, endpoint)


async def get(
    session: AsyncSession, endpoint_id: str, *, lock: bool = False
) -> WebhookEndpoint | None:
    query = select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id)
    return await find(session, query, lock=lock)


async def count(session: AsyncSession) -> int:
    """How many the organisation has."""
    return (await session.exec(select(func.count(col(WebhookEndpoint.id))))).one()


async def page(
    session: AsyncSession, *, enabled: bool | None = None, limit: int, cursor: str | None
) -> Page[WebhookEndpoint]:
    query = narrowed(select(WebhookEndpoint), (WebhookEndpoint.enabled, enabled))
    return await newest_first(session, query, table=WebhookEndpoint, limit=limit, cursor=cursor)


async def change(
    session: AsyncSession, endpoint: WebhookEndpoint, *, changes: dict[str, Any]
) -> WebhookEndpoint:
    """Apply the changes. One that is enabled again begins with a clean slate."""
    values = dict(changes)
    if "enabled" in values and values["enabled"] != endpoint.enabled:
        values |= _switched(values["enabled"])
    return await save(session, endpoint.sqlmodel_update(values))


async def replace_secret(
    session: AsyncSession,
    endpoint: WebhookEndpoint,
    *,
    keyring: KeyRing,
    secret: str,
    now: datetime,
) -> WebhookEndpoint:
    """Sign with this one from now on, and for a day with the current one as well."""
    bound: dict[str, Any] = {
        "keyring": keyring,
        "organization_id": endpoint.organization_id,
        "endpoint_id": endpoint.id,
    }
    current = open_webhook_secret(endpoint.secret_encrypted, column="secret", **bound)
    endpoint.previous_secret_encrypted = seal_webhook_secret(
        current, column="previous_secret", **bound
    )
    endpoint.previous_secret_until = now + PREVIOUS_KEPT
    endpoint.secret_encrypted = seal_webhook_secret(secret, column="secret", **bound)
    return await save(session, endpoint)


def signing_secrets(endpoint: WebhookEndpoint, *, keyring: KeyRing, now: datetime) -> list[str]:
    """In clear, the current one first; `SealError` when none of the keys opens one."""
    sealed = [("secret", endpoint.secret_encrypted)]
    until, previous = endpoint.previous_secret_until, endpoint.previous_secret_encrypted
    if previous is not None and until is not None and now < until:
        sealed.append(("previous_secret", previous))
    return [
        open_webhook_secret(
            value,
            keyring=keyring,
            column=column,
            organization_id=endpoint.organization_id,
            endpoint_id=endpoint.id,
        )
        for column, value in sealed
    ]


async def note_success(session: AsyncSession, endpoint_id: WebhookEndpointId) -> None:
    await _note(session, endpoint_id, failing_since=None)


async def note_failure(session: AsyncSession, endpoint_id: WebhookEndpointId) -> None:
    """From now on nothing succeeds, unless that has been so for longer."""
    since = func.coalesce(col(WebhookEndpoint.failing_since), func.now())
    await _note(session, endpoint_id, failing_since=since)


async def disable(session: AsyncSession, endpoint_id: WebhookEndpointId, *, reason: str) -> None:
    """Tell it nothing any more, for this reason; the first one stays."""
    await session.exec(
        update(WebhookEndpoint)
        .where(col(WebhookEndpoint.id) == endpoint_id, col(WebhookEndpoint.enabled))
        .values(enabled=False, disabled_at=func.now(), disabled_reason=reason)
    )


async def delete(session: AsyncSession, endpoint: WebhookEndpoint) -> None:
    await session.delete(endpoint)
    await session.flush()


async def _note(session: AsyncSession, endpoint_id: WebhookEndpointId, **values: Any) -> None:
    """What no administrator has changed: `updated_at` stays."""
    await session.exec(
        update(WebhookEndpoint)
        .where(col(WebhookEndpoint.id) == endpoint_id)
        .values(**values, updated_at=col(WebhookEndpoint.updated_at))
    )


def _switched(enabled: bool) -> dict[str, Any]:
    if enabled:
        return {
            "enabled": True, "disabled_at": None, "disabled_reason": None, "failing_since": None,
        }  # fmt: skip
    return {
        "enabled": False,
        "disabled_at": datetime.now(UTC),
        "disabled_reason": "An administrator has disabled it.",
    }
