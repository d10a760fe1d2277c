"""Meta's webhooks: the verification handshake, and deliveries.

A delivery is answered 200 only when every update in it is durable. Anything else makes Meta deliver
it again, for up to 7 days.
"""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import structlog
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import PlainTextResponse
from starlette.requests import ClientDisconnect

from api.dependencies import ServicesDep
from api.durability import NotDurable
from api.inbound import InboundUpdates
from api.problems import Problem, documented, not_found
from api.services import Services
from contracts.ids import ChannelId
from domain.webhook.delivery import MalformedDelivery, read_delivery
from domain.webhook.signature import is_signed

router = APIRouter(prefix="/webhooks/whatsapp", tags=["webhooks"])
_log = structlog.stdlib.get_logger(__name__)

DELIVERY: Final[dict[str, Any]] = {
    "parameters": [
        {
            "name": "X-Hub-Signature-256",
            "in": "header",
            "required": True,
            "description": "`sha256=` and the HMAC of the body, made with the app secret.",
            "schema": {"type": "string"},
        }
    ],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"type": "object"},
                "example": {"object": "whatsapp_business_account", "entry": []},
            }
        },
    },
}
"""OpenAPI's description of a delivery: the bytes are checked before they are read as anything."""

Mode = Annotated[str, Query(alias="hub.mode")]
Token = Annotated[str, Query(alias="hub.verify_token")]
Challenge = Annotated[str, Query(alias="hub.challenge", max_length=1024)]


@router.get(
    "",
    response_class=PlainTextResponse,
    operation_id="verify_platform_webhook",
    responses=documented(403),
)
async def verify_platform(
    services: ServicesDep, mode: Mode = "", token: Token = "", challenge: Challenge = ""
) -> PlainTextResponse:
    """Meta's handshake for the platform's own app: echoes the challenge if the token is ours."""
    return _verify(_platform_verify_token(services), mode, token, challenge)


@router.get(
    "/{channel_id}",
    response_class=PlainTextResponse,
    operation_id="verify_webhook",
    responses=documented(403),
)
async def verify_channel(
    channel_id: str,
    services: ServicesDep,
    mode: Mode = "",
    token: Token = "",
    challenge: Challenge = "",
) -> PlainTextResponse:
    """The handshake for a channel that brings its own verify token."""
    route = await services.channel_routes.by_channel_id(ChannelId(channel_id))
    if route is None:
        raise not_found("channel")
    expected = route.verify_token or _platform_verify_token(services)
    return _verify(expected, mode, token, challenge)


@router.post(
    "",
    response_class=Response,
    operation_id="receive_platform_webhook",
    openapi_extra=DELIVERY,
    responses=documented(401),
)
async def receive_platform(request: Request, services: ServicesDep) -> Response:
    """A delivery signed by the platform's own app; `metadata.phone_number_id` routes it."""
    return await _receive(
        request, services.inbound, _platform_app_secrets(services), only_channel=None
    )


@router.post(
    "/{channel_id}",
    response_class=Response,
    operation_id="receive_webhook",
    openapi_extra=DELIVERY,
    responses=documented(401),
)
async def receive_channel(channel_id: str, request: Request, services: ServicesDep) -> Response:
    """A delivery for one channel, signed with its own app secret where it has one."""
    try:
        route = await services.channel_routes.by_channel_id(ChannelId(channel_id))
    except Exception as error:
        raise _unavailable() from error
    if route is None:
        raise not_found("channel")
    app_secrets = route.app_secrets or _platform_app_secrets(services)
    return await _receive(request, services.inbound, app_secrets, only_channel=route.channel_id)


def _platform_verify_token(services: Services) -> str | None:
    token = services.settings.whatsapp_verify_token
    return token.get_secret_value() if token else None


def _platform_app_secrets(services: Services) -> tuple[str, ...]:
    return tuple(secret.get_secret_value() for secret in services.settings.whatsapp_app_secret)


def _verify(expected: str | None, mode: str, token: str, challenge: str) -> PlainTextResponse:
    if (
        mode == "subscribe"
        and expected is not None
        and secrets.compare_digest(token.encode(), expected.encode())
    ):
        return PlainTextResponse(challenge)
    raise Problem(
        403,
        "hub.mode must be `subscribe` and hub.verify_token the verify token of this webhook.",
        kind="webhook-verification-failed",
    )


async def _receive(
    request: Request,
    inbound: InboundUpdates,
    app_secrets: Sequence[str],
    *,
    only_channel: ChannelId | None,
) -> Response:
    try:
        body = await request.body()
    except ClientDisconnect as error:
        raise Problem(400, "The connection ended early.", kind="incomplete-delivery") from error
    if not is_signed(body, request.headers.get("x-hub-signature-256"), secrets=app_secrets):
        raise Problem(
            401,
            "X-Hub-Signature-256 is missing or was not made over these bytes with the app secret.",
            kind="invalid-signature",
        )
    try:
        updates = read_delivery(body, received_at=datetime.now(UTC))
    except MalformedDelivery as error:
        raise Problem(
            400, f"This is not a delivery: {error}.", kind="malformed-delivery"
        ) from error
    try:
        await inbound.accept(
            updates, only_channel=only_channel, trace_id=getattr(request.state, "trace_id", "")
        )
    except NotDurable as error:
        _log.error("delivery_not_durable", reason=str(error), updates=len(updates))
        raise _unavailable() from error
    return Response(status_code=200)


def _unavailable() -> Problem:
    return Problem(
        503,
        "The delivery could not be made durable. Please deliver it again.",
        kind="not-durable",
        headers={"Retry-After": "5"},
    )
