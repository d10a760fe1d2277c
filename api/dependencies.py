"""What routes ask for: the process's services, who is asking, the tenant, a place in a list."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, NamedTuple

from fastapi import Depends, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlmodel.ext.asyncio.session import AsyncSession
from ulid import ULID

from adapters.postgres import organizations
from adapters.postgres.tables import Role
from api import audit
from api.audit import SecretChange
from api.authentication import Principal
from api.problems import Problem, not_found
from api.rate_limiting import rate_limit_headers
from api.schemas.base import Output
from api.services import Services
from contracts.ids import OrganizationId

_bearer = HTTPBearer(
    auto_error=False, description="A key of the API: `Authorization: Bearer pk_live_…`"
)


def get_services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(get_services)]


async def authenticate(request: Request) -> Principal:
    """Whose request this is, counted against the limit of the key: once per request.

    A problem when the key is none, or makes too many requests.
    """
    known: Principal | None = getattr(request.state, "principal", None)
    if known is not None:
        return known
    services = get_services(request)
    credentials = await _bearer(request)
    principal = (
        None
        if credentials is None
        else await services.authenticator.principal(credentials.credentials)
    )
    if principal is None:
        raise Problem(
            401,
            "Send a valid key as `Authorization: Bearer <key>`. "
            "This one is missing, unknown, revoked or expired.",
            headers={"WWW-Authenticate": "Bearer"},
        )
    await services.limiter.count(principal, headers=rate_limit_headers(request))
    request.state.principal = principal
    return principal


async def get_principal(
    request: Request,
    _documented: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Principal:
    return await authenticate(request)


PrincipalDep = Annotated[Principal, Depends(get_principal)]


def require(principal: Principal, role: Role) -> None:
    if not principal.may(role):
        raise Problem(
            403, f"This needs a key with the role {role}; the role of this key is {principal.role}."
        )


async def get_platform_admin(principal: PrincipalDep) -> Principal:
    require(principal, "platform_admin")
    return principal


PlatformAdminDep = Annotated[Principal, Depends(get_platform_admin)]


def get_seed(request: Request) -> str:
    """A ULID to make ids of: the same one when a request with an Idempotency-Key runs again."""
    seed: str | None = getattr(request.state, "seed", None)
    return seed or str(ULID())


SeedDep = Annotated[str, Depends(get_seed)]


@dataclass(frozen=True)
class Tenant:
    """The organisation of the path, which the key may see."""

    organization_id: OrganizationId
    principal: Principal
    services: Services
    seed: str
    """Make ids of new objects from it, one of each kind, and look whether they exist already: then
    a request that died in the middle is being run again (`api/idempotency.py`)."""

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """A transaction that sees this organisation; committed when the block ends."""
        async with self.services.database.tenant(self.organization_id) as session:
            yield session

    async def record(
        self,
        session: AsyncSession,
        *,
        action: str,
        resource_id: str,
        before: Output | None = None,
        after: Output | None = None,
        secrets: Mapping[str, SecretChange] | None = None,
    ) -> None:
        """Tell the organisation's audit log, in the change's own transaction: `audit.record`."""
        await audit.record(
            session,
            self.principal,
            organization_id=self.organization_id,
            action=action,
            resource_id=resource_id,
            before=before,
            after=after,
            secrets=secrets,
        )


def _tenant_for(role: Role) -> Callable[..., object]:
    async def get_tenant(
        organization_id: str, principal: PrincipalDep, services: ServicesDep, seed: SeedDep
    ) -> Tenant:
        if not principal.sees(organization_id):
            raise not_found("organization")
        require(principal, role)
        tenant = Tenant(OrganizationId(organization_id), principal, services, seed)
        if principal.organization_id is None:
            # A tenant's own key proves that it exists; the platform may ask for any.
            async with tenant.session() as session:
                if await organizations.get(session, organization_id) is None:
                    raise not_found("organization")
        return tenant

    return get_tenant


ViewerDep = Annotated[Tenant, Depends(_tenant_for("viewer"))]
"""Anyone of the organisation."""
OperatorDep = Annotated[Tenant, Depends(_tenant_for("operator"))]
AdminDep = Annotated[Tenant, Depends(_tenant_for("admin"))]


class Place(NamedTuple):
    """Where in a list."""

    limit: int
    cursor: str | None


def get_place(
    limit: Annotated[int, Query(ge=1, le=100, description="Items on a page.")] = 20,
    cursor: Annotated[
        str | None,
        Query(max_length=1024, description="`next_cursor` of the page before."),
    ] = None,
) -> Place:
    return Place(limit, cursor)


PlaceDep = Annotated[Place, Depends(get_place)]
