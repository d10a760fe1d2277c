"""What a change leaves in the audit log: who, what, and the public fields that it touched."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from sqlmodel.ext.asyncio.session import AsyncSession
from structlog.contextvars import get_contextvars

from adapters.postgres import audit_log
from api.authentication import Principal
from api.schemas.base import Output
from contracts.ids import OrganizationId

SecretChange = Literal["changed", "removed"]

_COUNTERS: Final = frozenset({"revision", "updated_at"})
"""Change with every change, and say nothing of it."""


async def record(
    session: AsyncSession,
    principal: Principal,
    *,
    organization_id: OrganizationId | None,
    action: str,
    resource_id: str,
    before: Output | None = None,
    after: Output | None = None,
    secrets: Mapping[str, SecretChange] | None = None,
) -> None:
    """Write an entry in the session's transaction; nothing when before and after are the same.

    Args:
        organization_id: whose log; None for the platform's own.
        action: resource and verb, e.g. `assistant.update`.
        before, after: the object as the API shows it, which is without secrets. Of a change only
            the fields that changed are kept.
        secrets: names of the secrets that changed, which the objects do not show.
    """
    old = None if before is None else _fields(before)
    new = None if after is None else _fields(after)
    if old is not None and new is not None:
        changed = {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
        if not changed and not secrets:
            return
        old = {name: value for name, value in old.items() if name in changed}
        new = {name: value for name, value in new.items() if name in changed}
    if secrets:
        new = {**(new or {}), **secrets}
    await audit_log.add(
        session,
        organization_id=organization_id,
        api_key_id=principal.key_id,
        api_key_name=principal.name,
        role=principal.role,
        action=action,
        resource_id=resource_id,
        before=old,
        after=new,
        request_id=get_contextvars().get("request_id"),
    )


def secret_changes(
    changes: Mapping[str, Any], *, names: tuple[str, ...]
) -> dict[str, SecretChange]:
    """Of the fields that were sent, the secrets: what became of each, and not its value."""
    return {
        name: "removed" if changes[name] is None else "changed" for name in names if name in changes
    }


def _fields(shown: Output) -> dict[str, Any]:
    return shown.model_dump(mode="json", exclude=set(_COUNTERS))
