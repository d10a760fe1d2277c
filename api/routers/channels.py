"""`/v1/organizations/{organization_id}/channels`"""

from typing import Annotated

from fastapi import Query
from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.postgres import assistants, channels
from adapters.postgres.tables import Channel
from api.audit import secret_changes
from api.dependencies import AdminDep, PlaceDep, Tenant, ViewerDep
from api.preconditions import PreconditionDep
from api.problems import Problem, documented, invalid, not_found
from api.routing import ResourceRouter
from api.schemas.base import Listing, Reference, exactly
from api.schemas.channels import ChannelCreate, ChannelPublic, ChannelUpdate
from contracts.ids import AssistantId

router = ResourceRouter(prefix="/v1/organizations/{organization_id}/channels", tags=["channels"])


@router.post("", status_code=201, responses=documented(401, 403, 404, 409, 422, 503))
async def create_channel(body: ChannelCreate, tenant: AdminDep) -> ChannelPublic:
    """Connect a WhatsApp number. It answers as soon as Meta delivers to its `webhook_url`."""
    channel_id = channels.new_channel_id(tenant.seed)
    async with tenant.session() as session:
        existing = await channels.get(session, channel_id)
        if existing is not None:
            return _public(existing, tenant)
        await _check_assistant(session, body.assistant_id)
        fields = body.model_dump(exclude={"assistant_id"})
        try:
            channel = await channels.create(
                session,
                keyring=tenant.services.keyring,
                organization_id=tenant.organization_id,
                assistant_id=None if body.assistant_id is None else AssistantId(body.assistant_id),
                channel_id=channel_id,
                **fields,
            )
        except IntegrityError:
            raise Problem(
                409,
                "This phone_number_id is connected already. A number has one channel: "
                "change that one, or delete it first.",
                kind="already-connected",
            ) from None
        created = _public(channel, tenant)
        await tenant.record(session, action="channel.create", resource_id=channel_id, after=created)
    return created


@router.get("", responses=documented(401, 404, 422, 503))
async def list_channels(
    place: PlaceDep,
    tenant: ViewerDep,
    assistant_id: Annotated[Reference | None, Query()] = None,
    phone_number_id: Annotated[str | None, exactly("phone_number_id", longest=32)] = None,
    waba_id: Annotated[str | None, exactly("waba_id", longest=32)] = None,
) -> Listing[ChannelPublic]:
    async with tenant.session() as session:
        page = await channels.page(
            session,
            assistant_id=assistant_id,
            phone_number_id=phone_number_id,
            waba_id=waba_id,
            **place._asdict(),
        )
    return Listing(items=[_public(one, tenant) for one in page.items], next_cursor=page.next_cursor)


@router.get("/{channel_id}", responses=documented(401, 404, 503))
async def get_channel(channel_id: str, tenant: ViewerDep) -> ChannelPublic:
    async with tenant.session() as session:
        return _public(await _find(session, channel_id), tenant)


@router.patch("/{channel_id}", responses=documented(401, 403, 404, 412, 422, 503))
async def update_channel(
    channel_id: str, body: ChannelUpdate, tenant: AdminDep, precondition: PreconditionDep
) -> ChannelPublic:
    """Change the fields that are sent; `null` removes an own secret. Counts at once."""
    async with tenant.session() as session:
        channel = await _find(session, channel_id, lock=True)
        precondition.check(channel.revision)
        await _check_assistant(session, body.assistant_id)
        before, changes = _public(channel, tenant), body.changes()
        updated = await channels.update(
            session, channel, keyring=tenant.services.keyring, changes=changes
        )
        after = _public(updated, tenant)
        await tenant.record(
            session,
            action="channel.update",
            resource_id=after.id,
            before=before,
            after=after,
            secrets=secret_changes(changes, names=channels.SECRETS),
        )
    return after


@router.delete("/{channel_id}", status_code=204, responses=documented(401, 403, 404, 412, 503))
async def delete_channel(channel_id: str, tenant: AdminDep, precondition: PreconditionDep) -> None:
    """Disconnect the number: it answers no more. Its conversations stay readable."""
    async with tenant.session() as session:
        channel = await _find(session, channel_id, lock=True)
        precondition.check(channel.revision)
        before = _public(channel, tenant)
        await channels.delete(session, channel)
        await tenant.record(session, action="channel.delete", resource_id=before.id, before=before)


async def _find(session: AsyncSession, channel_id: str, *, lock: bool = False) -> Channel:
    channel = await channels.get(session, channel_id, lock=lock)
    if channel is None:
        raise not_found("channel")
    return channel


async def _check_assistant(session: AsyncSession, assistant_id: str | None) -> None:
    if assistant_id is not None and await assistants.get(session, assistant_id) is None:
        raise invalid("assistant_id", f"there is no assistant {assistant_id}")


def _public(channel: Channel, tenant: Tenant) -> ChannelPublic:
    return ChannelPublic.of(channel, public_url=tenant.services.settings.parley_public_url)
