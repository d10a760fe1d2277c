"""`/v1/organizations/{organization_id}/channels`"""

from typing import Annotated

from fastapi import Query
from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from adapters.postgres import assistants, channel_pauses, channels
from adapters.postgres.tables import Channel
from api.audit import secret_changes
from api.channel_verification import new_verify_token, verify, verify_changed
from api.dependencies import AdminDep, OperatorDep, PlaceDep, Tenant, ViewerDep
from api.preconditions import PreconditionDep
from api.problems import Problem, documented, invalid, not_found
from api.routing import ResourceRouter
from api.schemas.base import Listing, Reference, exactly
from api.schemas.channels import (
    ChannelCreate,
    ChannelPaused,
    ChannelPublic,
    ChannelSending,
    ChannelUpdate,
    ChannelWithVerifyToken,
    ConfiguredChannel,
)
from contracts.ids import AssistantId

router = ResourceRouter(prefix="/v1/organizations/{organization_id}/channels", tags=["channels"])


@router.post("", status_code=201, responses=documented(401, 403, 404, 409, 422, 503))
async def create_channel(body: ChannelCreate, tenant: AdminDep) -> ChannelWithVerifyToken:
    """Connect a WhatsApp number. It answers as soon as Meta delivers to its `webhook_url`.

    `verification` says whether Meta agrees. The channel is made in any case: a number may be set up
    in any order. With an `app_secret` and no `verify_token`, one is made and shown in this answer.
    """
    generated = new_verify_token() if body.app_secret and body.verify_token is None else None
    channel = await verify_changed(tenant, await _create(body, tenant, verify_token=generated))
    return ChannelWithVerifyToken.of(
        channel, public_url=_public_url(tenant), verify_token=generated
    )


async def _create(body: ChannelCreate, tenant: Tenant, *, verify_token: str | None) -> Channel:
    channel_id = channels.new_channel_id(tenant.seed)
    async with tenant.session() as session:
        existing = await channels.get(session, channel_id)
        if existing is not None:
            if verify_token is None:
                return existing
            # Nobody has seen the one that the interrupted run has made.
            return await channels.update(
                session,
                existing,
                keyring=tenant.services.keyring,
                changes={"verify_token": verify_token},
            )
        await _check_assistant(session, body.assistant_id)
        fields = body.model_dump(exclude={"assistant_id", "verify_token"})
        try:
            channel = await channels.create(
                session,
                keyring=tenant.services.keyring,
                organization_id=tenant.organization_id,
                assistant_id=None if body.assistant_id is None else AssistantId(body.assistant_id),
                channel_id=channel_id,
                verify_token=body.verify_token or verify_token,
                **fields,
            )
        except IntegrityError as error:
            if "channels_phone_number_id_key" not in str(error.orig):
                raise
            raise Problem(
                409,
                "This phone_number_id is connected already. A number has one channel: "
                "change that one, or delete it first.",
                kind="already-connected",
            ) from None
        await tenant.record(
            session,
            action="channel.create",
            resource_id=channel_id,
            after=_audited(channel, tenant),
        )
    return channel


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
    """Change the fields that are sent; `null` removes an own secret. Counts at once.

    With another `access_token`, `waba_id` or `display_phone_number`, Meta is asked again:
    `verification` says what it answered.
    """
    async with tenant.session() as session:
        channel = await _find(session, channel_id, lock=True)
        precondition.check(channel.revision)
        await _check_assistant(session, body.assistant_id)
        before, changes = _audited(channel, tenant), body.changes()
        updated = await channels.update(
            session, channel, keyring=tenant.services.keyring, changes=changes
        )
        await tenant.record(
            session,
            action="channel.update",
            resource_id=updated.id,
            before=before,
            after=_audited(updated, tenant),
            secrets=secret_changes(changes, names=channels.SECRETS),
        )
    if channels.VERIFIED & body.model_fields_set:
        updated = await verify_changed(tenant, updated)
    return _public(updated, tenant)


@router.delete("/{channel_id}", status_code=204, responses=documented(401, 403, 404, 412, 503))
async def delete_channel(channel_id: str, tenant: AdminDep, precondition: PreconditionDep) -> None:
    """Disconnect the number: it answers no more. Its conversations stay readable."""
    async with tenant.session() as session:
        channel = await _find(session, channel_id, lock=True)
        precondition.check(channel.revision)
        before = _audited(channel, tenant)
        await channels.delete(session, channel)
        await tenant.record(session, action="channel.delete", resource_id=before.id, before=before)


@router.post("/{channel_id}/verify", responses=documented(401, 403, 404, 503))
async def verify_channel(channel_id: str, tenant: AdminDep) -> ChannelPublic:
    """Ask Meta about the token, the number and its account, and subscribe to its webhooks.

    Takes about five seconds at most. `verification` says what is wrong and what to do.
    """
    async with tenant.session() as session:
        channel = await _find(session, channel_id)
    return _public(await verify(tenant, channel, audited=True), tenant)


@router.post("/{channel_id}/resume", responses=documented(401, 403, 404, 503))
async def resume_channel(channel_id: str, tenant: OperatorDep) -> ChannelPublic:
    """Send again after a pause: what Meta complained of has been mended. Counts within seconds.

    A pause that is about the whole WhatsApp Business Account ends for all of its channels. If Meta
    still refuses, the channel is paused again.
    """
    async with tenant.session() as session:
        channel = await _find(session, channel_id, lock=True)
        before = ChannelSending(paused=ChannelPaused.of(channel))
        await channel_pauses.resume(session, channel)
        await tenant.record(
            session,
            action="channel.resume",
            resource_id=channel.id,
            before=before,
            after=ChannelSending(paused=None),
        )
    return _public(channel, tenant)


@router.post(
    "/{channel_id}/verify-token", status_code=201, responses=documented(401, 403, 404, 503)
)
async def make_verify_token(channel_id: str, tenant: AdminDep) -> ChannelWithVerifyToken:
    """Make a new verify token and show it once; the one before counts no more.

    Enter it with `webhook_url` in the channel's own Meta app.
    """
    token = new_verify_token()
    async with tenant.session() as session:
        channel = await channels.update(
            session,
            await _find(session, channel_id, lock=True),
            keyring=tenant.services.keyring,
            changes={"verify_token": token},
        )
        await tenant.record(
            session,
            action="channel.make_verify_token",
            resource_id=channel.id,
            secrets={"verify_token": "changed"},
        )
    return ChannelWithVerifyToken.of(channel, public_url=_public_url(tenant), verify_token=token)


async def _find(session: AsyncSession, channel_id: str, *, lock: bool = False) -> Channel:
    channel = await channels.get(session, channel_id, lock=lock)
    if channel is None:
        raise not_found("channel")
    return channel


async def _check_assistant(session: AsyncSession, assistant_id: str | None) -> None:
    if assistant_id is not None and await assistants.get(session, assistant_id) is None:
        raise invalid("assistant_id", f"there is no assistant {assistant_id}")


def _public(channel: Channel, tenant: Tenant) -> ChannelPublic:
    return ChannelPublic.of(channel, public_url=_public_url(tenant))


def _audited(channel: Channel, tenant: Tenant) -> ConfiguredChannel:
    return ConfiguredChannel.of(channel, public_url=_public_url(tenant))


def _public_url(tenant: Tenant) -> str:
    return tenant.services.settings.parley_public_url
