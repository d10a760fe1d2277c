"""`/v1/organizations`"""

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from fastapi import Response

from adapters.postgres import organizations
from adapters.postgres.sealed import seal_openai_key
from adapters.postgres.tables import Organization
from api import audit
from api.audit import secret_changes
from api.authentication import Principal
from api.dependencies import (
    AdminDep,
    PlaceDep,
    PlatformAdminDep,
    PrincipalDep,
    SeedDep,
    ServicesDep,
    ViewerDep,
    require,
)
from api.erasing import erase, find_subject
from api.preconditions import PreconditionDep
from api.problems import documented, invalid, not_found
from api.routing import ResourceRouter
from api.schemas.base import Listing, NameFilter
from api.schemas.erasures import ErasurePublic
from api.schemas.organizations import (
    OrganizationCreate,
    OrganizationPublic,
    OrganizationUpdate,
)
from api.schemas.quotas import changed_quotas
from api.services import Services
from contracts.ids import OrganizationId

router = ResourceRouter(prefix="/v1/organizations", tags=["organizations"])


@router.post("", status_code=201, responses=documented(401, 403, 422, 503))
async def create_organization(
    body: OrganizationCreate, principal: PlatformAdminDep, services: ServicesDep, seed: SeedDep
) -> OrganizationPublic:
    """Make an organisation. Needs a platform administrator."""
    organization = Organization(id=organizations.new_organization_id(seed), name=body.name)
    values = _columns(body.model_dump(), organization.id, principal, services)
    values["quotas"] = changed_quotas({}, values["quotas"])
    async with services.database.platform() as session:
        existing = await organizations.get(session, organization.id)
        if existing is not None:
            return OrganizationPublic.of(existing)
        created = OrganizationPublic.of(
            await organizations.create(session, organization.sqlmodel_update(values))
        )
        await audit.record(
            session,
            principal,
            organization_id=None,
            action="organization.create",
            resource_id=created.id,
            after=created,
        )
    return created


@router.get("", responses=documented(401, 422, 503))
async def list_organizations(
    place: PlaceDep, principal: PrincipalDep, services: ServicesDep, name: NameFilter = None
) -> Listing[OrganizationPublic]:
    """Those that the key may see: all of them, or its own."""
    scope = (
        services.database.platform()
        if principal.organization_id is None
        else services.database.tenant(principal.organization_id)
    )
    async with scope as session:
        page = await organizations.page(session, name=name, **place._asdict())
    return Listing(
        items=[OrganizationPublic.of(one) for one in page.items], next_cursor=page.next_cursor
    )


@router.get("/{organization_id}", responses=documented(401, 404, 503))
async def get_organization(tenant: ViewerDep) -> OrganizationPublic:
    async with tenant.session() as session:
        organization = await organizations.get(session, tenant.organization_id)
    if organization is None:
        raise not_found("organization")
    return OrganizationPublic.of(organization)


@router.patch("/{organization_id}", responses=documented(401, 403, 404, 412, 422, 503))
async def update_organization(
    body: OrganizationUpdate, tenant: AdminDep, precondition: PreconditionDep
) -> OrganizationPublic:
    """Change the fields that are sent.

    Quotas are the platform's to change: those that are named are, the others stay.
    """
    changes = body.changes()
    if "quotas" in changes and not tenant.principal.may("platform_admin"):
        raise invalid("quotas", "only a platform administrator may change them")
    values = _columns(changes, tenant.organization_id, tenant.principal, tenant.services)
    async with tenant.session() as session:
        organization = await organizations.get(session, tenant.organization_id, lock=True)
        if organization is None:
            raise not_found("organization")
        precondition.check(organization.revision)
        before = OrganizationPublic.of(organization)
        if "quotas" in changes:
            values["quotas"] = changed_quotas(organization.quotas, changes["quotas"])
        after = OrganizationPublic.of(
            await organizations.update(session, organization, changes=values)
        )
        await tenant.record(
            session,
            action="organization.update",
            resource_id=after.id,
            before=before,
            after=after,
            secrets=secret_changes(changes, names=("openai_api_key",)),
        )
    return after


@router.delete("/{organization_id}", status_code=202, responses=documented(401, 403, 404, 412, 503))
async def delete_organization(
    organization_id: str,
    principal: PrincipalDep,
    services: ServicesDep,
    precondition: PreconditionDep,
    response: Response,
) -> ErasurePublic:
    """Erase the organisation and everything that is its, in every store.

    From the answer on nobody finds it, its keys are refused and its numbers stop answering. The
    rest is removed in the background: conversations with their histories, people, documents,
    files, vectors, configuration. The erasure at `Location` says when nothing is left. Asking again
    meanwhile answers the same erasure.
    """
    if not principal.sees(organization_id):
        raise not_found("organization")
    require(principal, "platform_admin")
    async with services.database.platform() as session:
        organization = await organizations.get(session, organization_id)
        if organization is not None:
            precondition.check(organization.revision)
        subject = await find_subject(
            session,
            "organization",
            organization_id,
            organization_id=OrganizationId(organization_id),
            is_found=organization is not None,
        )
    if subject is None:
        raise not_found("organization")
    erasure = await erase(services, principal, subject)
    response.headers["Location"] = f"/v1/erasures/{erasure.id}"
    return ErasurePublic.model_validate(erasure)


def _columns(
    fields: dict[str, Any],
    organization_id: OrganizationId,
    principal: Principal,
    services: Services,
) -> dict[str, Any]:
    """The fields as the table has them, with the key sealed."""
    base_url = fields.get("openai_base_url")
    if base_url is not None and not principal.may("platform_admin"):
        _refuse_inside_address(base_url)
    values = dict(fields)
    if "openai_api_key" in values:
        secret = values.pop("openai_api_key")
        values["openai_api_key_encrypted"] = (
            None
            if secret is None
            else seal_openai_key(secret, keyring=services.keyring, organization_id=organization_id)
        )
    return values


def _refuse_inside_address(base_url: str) -> None:
    """A tenant must not have our servers call what stands inside our network."""
    try:
        parts = urlsplit(base_url)
        host = (parts.hostname or "").rstrip(".").lower()
    except ValueError:
        raise invalid("openai_base_url", "not a valid URL") from None
    try:
        inside = not ipaddress.ip_address(host).is_global
    except ValueError:
        inside = "." not in host or host.endswith((".localhost", ".internal", ".local"))
    if inside or parts.scheme != "https":
        raise invalid("openai_base_url", "must be a public https address")
