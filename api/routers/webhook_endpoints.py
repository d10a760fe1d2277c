"""`/v1/organizations/{organization_id}/webhook-endpoints`"""

from datetime import UTC, datetime
from typing import Final

from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio.common import (
    Priority,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from ulid import ULID

from adapters.dynamodb.webhooks import EVENTS_KEPT, DeliveryAttempt
from adapters.guarded_http import Refused, check_url
from adapters.postgres import webhook_endpoints
from adapters.postgres.rows import new_id
from adapters.postgres.tables import WebhookEndpoint
from api.dependencies import AdminDep, PlaceDep, Tenant, ViewerDep
from api.preconditions import PreconditionDep
from api.problems import Problem, documented, invalid, not_found
from api.routing import ResourceRouter
from api.schemas.base import Listing
from api.schemas.webhook_endpoints import (
    WebhookDeadLetter,
    WebhookDelivery,
    WebhookEndpointCreate,
    WebhookEndpointPublic,
    WebhookEndpointUpdate,
    WebhookEndpointWithSecret,
    WebhookReplay,
    WebhookReplayCreate,
    WebhookTest,
)
from contracts import names
from contracts.ids import webhook_replay_workflow_id
from contracts.webhooks import ReplayWebhooks
from domain.business_events import trial

MOST_ENDPOINTS: Final = 100
"""Of an organisation: each of its events is handed to each of them."""

router = ResourceRouter(
    prefix="/v1/organizations/{organization_id}/webhook-endpoints", tags=["webhook endpoints"]
)


@router.post("", status_code=201, responses=documented(401, 403, 404, 409, 422, 503))
async def create_webhook_endpoint(
    body: WebhookEndpointCreate, tenant: AdminDep
) -> WebhookEndpointWithSecret:
    """Have an address told what happens. Its signing secret is in this answer and never again."""
    _check_url(body.url, tenant)
    endpoint_id = webhook_endpoints.new_webhook_endpoint_id(tenant.seed)
    secret = webhook_endpoints.new_signing_secret()
    async with tenant.session() as session:
        existing = await webhook_endpoints.get(session, endpoint_id, lock=True)
        if existing is not None:
            # The process that made it died before anybody has seen its secret.
            endpoint = await webhook_endpoints.replace_secret(
                session,
                existing,
                keyring=tenant.services.keyring,
                secret=secret,
                now=datetime.now(UTC),
            )
            return WebhookEndpointWithSecret.of(endpoint, secret=secret)
        if await webhook_endpoints.count(session) >= MOST_ENDPOINTS:
            raise Problem(
                409,
                f"An organisation has at most {MOST_ENDPOINTS} webhook endpoints. "
                "Delete one that is not needed any more.",
                kind="too-many",
            )
        endpoint = await webhook_endpoints.create(
            session,
            keyring=tenant.services.keyring,
            organization_id=tenant.organization_id,
            endpoint_id=endpoint_id,
            secret=secret,
            url=body.url,
            description=body.description,
            event_types=list(body.event_types),
            enabled=body.enabled,
        )
        await tenant.record(
            session,
            action="webhook_endpoint.create",
            resource_id=endpoint_id,
            after=WebhookEndpointPublic.model_validate(endpoint),
        )
    return WebhookEndpointWithSecret.of(endpoint, secret=secret)


@router.get("", responses=documented(401, 404, 422, 503))
async def list_webhook_endpoints(
    place: PlaceDep, tenant: ViewerDep, enabled: bool | None = None
) -> Listing[WebhookEndpointPublic]:
    async with tenant.session() as session:
        page = await webhook_endpoints.page(session, enabled=enabled, **place._asdict())
    return Listing(
        items=[WebhookEndpointPublic.model_validate(one) for one in page.items],
        next_cursor=page.next_cursor,
    )


@router.get("/{webhook_endpoint_id}", responses=documented(401, 404, 503))
async def get_webhook_endpoint(
    webhook_endpoint_id: str, tenant: ViewerDep
) -> WebhookEndpointPublic:
    return WebhookEndpointPublic.model_validate(await _read(webhook_endpoint_id, tenant))


@router.patch("/{webhook_endpoint_id}", responses=documented(401, 403, 404, 412, 422, 503))
async def update_webhook_endpoint(
    webhook_endpoint_id: str,
    body: WebhookEndpointUpdate,
    tenant: AdminDep,
    precondition: PreconditionDep,
) -> WebhookEndpointPublic:
    """Change the fields that are sent. Counts at once, also for events that wait for a try."""
    if "url" in body.model_fields_set:
        _check_url(body.url, tenant)
    async with tenant.session() as session:
        endpoint = await _find(session, webhook_endpoint_id, lock=True)
        precondition.check(endpoint.revision)
        before = WebhookEndpointPublic.model_validate(endpoint)
        updated = await webhook_endpoints.change(session, endpoint, changes=body.changes())
        after = WebhookEndpointPublic.model_validate(updated)
        await tenant.record(
            session,
            action="webhook_endpoint.update",
            resource_id=updated.id,
            before=before,
            after=after,
        )
    return after


@router.delete(
    "/{webhook_endpoint_id}", status_code=204, responses=documented(401, 403, 404, 412, 503)
)
async def delete_webhook_endpoint(
    webhook_endpoint_id: str, tenant: AdminDep, precondition: PreconditionDep
) -> None:
    """Tell it nothing more. What waits for it, and its dead letters, are lost."""
    async with tenant.session() as session:
        endpoint = await _find(session, webhook_endpoint_id, lock=True)
        precondition.check(endpoint.revision)
        before = WebhookEndpointPublic.model_validate(endpoint)
        await webhook_endpoints.delete(session, endpoint)
        await tenant.record(
            session, action="webhook_endpoint.delete", resource_id=before.id, before=before
        )


@router.post(
    "/{webhook_endpoint_id}/secret",
    status_code=201,
    responses=documented(401, 403, 404, 503),
)
async def make_webhook_secret(
    webhook_endpoint_id: str, tenant: AdminDep
) -> WebhookEndpointWithSecret:
    """Make a new signing secret and show it once. For 24 hours the one before signs, too."""
    secret = webhook_endpoints.new_signing_secret()
    async with tenant.session() as session:
        endpoint = await webhook_endpoints.replace_secret(
            session,
            await _find(session, webhook_endpoint_id, lock=True),
            keyring=tenant.services.keyring,
            secret=secret,
            now=datetime.now(UTC),
        )
        await tenant.record(
            session,
            action="webhook_endpoint.make_secret",
            resource_id=endpoint.id,
            secrets={"secret": "changed"},
        )
    return WebhookEndpointWithSecret.of(endpoint, secret=secret)


@router.post("/{webhook_endpoint_id}/test", responses=documented(401, 403, 404, 503))
async def test_webhook_endpoint(webhook_endpoint_id: str, tenant: AdminDep) -> WebhookTest:
    """Post an event of the type `webhook.test`, once and now, also to one that is disabled.

    Takes ten seconds at most.
    """
    endpoint = await _read(webhook_endpoint_id, tenant)
    webhooks, now = tenant.services.webhooks, datetime.now(UTC)
    event = trial(tenant.organization_id, occurrence=str(ULID()), at=now)
    payload = await webhooks.payloads.of(event)
    assert payload is not None  # noqa: S101 - it is about nothing that could be gone
    posted = await webhooks.posts.post(endpoint, event, payload, now=now)
    await webhooks.deliveries.add(
        tenant.organization_id,
        endpoint.id,
        DeliveryAttempt(
            event_id=event.id,
            type=event.type,
            attempt=1,
            status_code=posted.status_code,
            error=posted.error,
            duration_ms=posted.duration_ms,
            attempted_at=now,
        ),
    )
    return WebhookTest(
        delivered=posted.error is None,
        status_code=posted.status_code,
        error=posted.error,
        duration_ms=posted.duration_ms,
    )


@router.get("/{webhook_endpoint_id}/deliveries", responses=documented(401, 404, 422, 503))
async def list_webhook_deliveries(
    webhook_endpoint_id: str, place: PlaceDep, tenant: ViewerDep
) -> Listing[WebhookDelivery]:
    """Tries of the last 7 days, newest first."""
    endpoint = await _read(webhook_endpoint_id, tenant)
    page = await tenant.services.webhooks.deliveries.page(
        tenant.organization_id, endpoint.id, **place._asdict()
    )
    return Listing(
        items=[WebhookDelivery.model_validate(one) for one in page.items],
        next_cursor=page.next_cursor,
    )


@router.get("/{webhook_endpoint_id}/dead-letters", responses=documented(401, 404, 422, 503))
async def list_webhook_dead_letters(
    webhook_endpoint_id: str, place: PlaceDep, tenant: ViewerDep
) -> Listing[WebhookDeadLetter]:
    """Events that the endpoint has not taken, newest first."""
    endpoint = await _read(webhook_endpoint_id, tenant)
    page = await tenant.services.webhooks.buried.page(
        tenant.organization_id, endpoint.id, **place._asdict()
    )
    return Listing(
        items=[WebhookDeadLetter.of(one) for one in page.items], next_cursor=page.next_cursor
    )


@router.post(
    "/{webhook_endpoint_id}/dead-letters/{event_id}/replay",
    status_code=202,
    responses=documented(401, 403, 404, 409, 503),
)
async def replay_webhook_dead_letter(
    webhook_endpoint_id: str, event_id: str, tenant: AdminDep
) -> WebhookDeadLetter:
    """Have the event told once more, with all its tries. It is no dead letter any more."""
    endpoint = await _read_enabled(webhook_endpoint_id, tenant)
    webhooks = tenant.services.webhooks
    buried = await webhooks.buried.get(tenant.organization_id, endpoint.id, event_id)
    if buried is None:
        raise not_found("dead letter")
    await webhooks.publisher.deliver(endpoint.id, [buried.event], again=True)
    await webhooks.buried.remove(tenant.organization_id, endpoint.id, buried.event.id)
    shown = WebhookDeadLetter.of(buried)
    async with tenant.session() as session:
        await tenant.record(
            session,
            action="webhook_dead_letter.replay",
            resource_id=buried.event.id,
            after=shown,
        )
    return shown


@router.post(
    "/{webhook_endpoint_id}/replay",
    status_code=202,
    responses=documented(401, 403, 404, 409, 422, 503),
)
async def replay_webhooks(
    webhook_endpoint_id: str, body: WebhookReplayCreate, tenant: AdminDep
) -> WebhookReplay:
    """Have what happened in a time told once more, conversation by conversation, in order."""
    endpoint = await _read_enabled(webhook_endpoint_id, tenant)
    now = datetime.now(UTC)
    until = now if body.until is None else min(body.until, now)
    since = max(body.since, now - EVENTS_KEPT)
    if since > until:
        raise invalid("since", "lies after until, or in the future")
    replay = ReplayWebhooks(
        organization_id=tenant.organization_id,
        endpoint_id=endpoint.id,
        since=since.astimezone(UTC),
        until=until.astimezone(UTC),
        types=tuple(body.types),
    )
    shown = WebhookReplay(
        id=new_id("whr", tenant.seed),
        webhook_endpoint_id=endpoint.id,
        since=replay.since,
        until=replay.until,
        types=list(replay.types),
    )
    await _start(replay, shown.id, tenant)
    async with tenant.session() as session:
        await tenant.record(
            session, action="webhook_replay.create", resource_id=shown.id, after=shown
        )
    return shown


async def _start(replay: ReplayWebhooks, replay_id: str, tenant: Tenant) -> None:
    try:
        await tenant.services.temporal.start_workflow(
            names.REPLAY_WEBHOOKS_WORKFLOW,
            replay,
            id=webhook_replay_workflow_id(replay_id),
            task_queue=names.WEBHOOKS_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            static_summary="tells an organisation's own systems once more",
            search_attributes=TypedSearchAttributes(
                [SearchAttributePair(names.ORGANIZATION_ID, tenant.organization_id)]
            ),
            priority=Priority(fairness_key=tenant.organization_id),
        )
    except WorkflowAlreadyStartedError:
        return  # An earlier run of this request has started it, and it has ended.


def _check_url(url: str, tenant: Tenant) -> None:
    try:
        check_url(url, allow_private=tenant.services.settings.parley_webhooks_to_private_addresses)
    except Refused as refusal:
        raise invalid("url", str(refusal)) from None


async def _read(endpoint_id: str, tenant: Tenant) -> WebhookEndpoint:
    async with tenant.session() as session:
        return await _find(session, endpoint_id)


async def _read_enabled(endpoint_id: str, tenant: Tenant) -> WebhookEndpoint:
    endpoint = await _read(endpoint_id, tenant)
    if not endpoint.enabled:
        raise Problem(
            409,
            "This endpoint is disabled: nothing is delivered to it. Enable it first.",
            kind="disabled",
        )
    return endpoint


async def _find(session: AsyncSession, endpoint_id: str, *, lock: bool = False) -> WebhookEndpoint:
    endpoint = await webhook_endpoints.get(session, endpoint_id, lock=lock)
    if endpoint is None:
        raise not_found("webhook endpoint")
    return endpoint
