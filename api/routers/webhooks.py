"""Meta's webhooks: the verification handshake, and deliveries.

A delivery is answered 200 only when every update in it is durable. Anything else makes Meta deliver
it again, for up to 7 days.
"""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final

import structlog
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import PlainTextResponse
from starlette.requests import ClientDisconnect

from api.dependencies import ChannelRoutesDep, InboundDep, SettingsDep
from api.inbound import NotDurable
from api.problems import Problem
from contracts.ids import ChannelId
from domain.webhook.delivery import MalformedDelivery, read_delivery
from domain.webhook.signature import is_signed

MAX_DELIVERY_BYTES: Final = 3 * 1024 * 1024
"""Meta's documented maximum of a webhook payload."""

router = APIRouter(prefix="/webhooks/whatsapp", tags=["webhooks"])
_log = structlog.stdlib.get_logger(__name__)

Mode = Annotated[str, Query(alias="hub.mode")]
Token = Annotated[str, Query(alias="hub.verify_token")]
Challenge = Annotated[str, Query(alias="hub.challenge", max_length=1024)]


@router.get("", response_class=PlainTextResponse, operation_id="verify_platform_webhook")
async def verify_platform(
    settings: SettingsDep, mode: Mode = "", token: Token = "", challenge: Challenge = ""
) -> PlainTextResponse:
    """Meta's handshake for the platform's own app: echoes the challenge if the token is ours."""
    expected = settings.whatsapp_verify_token
    return _verify(expected.get_secret_value() if expected else None, mode, token, challenge)


@router.get("/{channel_id}", response_class=PlainTextResponse, operation_id="verify_webhook")
async def verify_channel(
    channel_id: str,
    routes: ChannelRoutesDep,
    settings: SettingsDep,
    mode: Mode = "",
    token: Token = "",
    challenge: Challenge = "",
) -> PlainTextResponse:
    """The handshake for a channel that brings its own verify token."""
    route = await routes.by_channel_id(ChannelId(channel_id))
    if route is None:
        raise Problem(404, "channel-not-found", "There is no such channel.")
    platform = settings.whatsapp_verify_token
    return _verify(
        route.verify_token or (platform.get_secret_value() if platform else None),
        mode,
        token,
        challenge,
    )


@router.post("", operation_id="receive_platform_webhook")
async def receive_platform(
    request: Request, settings: SettingsDep, inbound: InboundDep
) -> Response:
    """A delivery signed by the platform's own app; `metadata.phone_number_id` routes it."""
    app_secrets = [secret.get_secret_value() for secret in settings.whatsapp_app_secret]
    return await _receive(request, inbound, app_secrets, only_channel=None)


@router.post("/{channel_id}", operation_id="receive_webhook")
async def receive_channel(
    channel_id: str,
    request: Request,
    routes: ChannelRoutesDep,
    settings: SettingsDep,
    inbound: InboundDep,
) -> Response:
    """A delivery for one channel, signed with its own app secret where it has one."""
    try:
        route = await routes.by_channel_id(ChannelId(channel_id))
    except Exception as error:
        raise _unavailable() from error
    if route is None:
        raise Problem(404, "channel-not-found", "There is no such channel.")
    app_secrets = route.app_secrets or tuple(
        secret.get_secret_value() for secret in settings.whatsapp_app_secret
    )
    return await _receive(request, inbound, app_secrets, only_channel=route.channel_id)


def _verify(expected: str | None, mode: str, token: str, challenge: str) -> PlainTextResponse:
    if (
        mode == "subscribe"
        and expected is not None
        and secrets.compare_digest(token.encode(), expected.encode())
    ):
        return PlainTextResponse(challenge)
    raise Problem(
        403,
        "webhook-verification-failed",
        "hub.mode must be `subscribe` and hub.verify_token the verify token of this webhook.",
    )


async def _receive(
    request: Request,
    inbound: InboundDep,
    app_secrets: Sequence[str],
    *,
    only_channel: ChannelId | None,
) -> Response:
    body = await _body(request)
    if not is_signed(body, request.headers.get("x-hub-signature-256"), secrets=app_secrets):
        raise Problem(
            401,
            "invalid-signature",
            "X-Hub-Signature-256 is missing or was not made over these bytes with the app secret.",
        )
    try:
        updates = read_delivery(body, received_at=datetime.now(UTC))
    except MalformedDelivery as error:
        raise Problem(400, "malformed-delivery", f"This is not a delivery: {error}.") from error
    try:
        await inbound.accept(
            updates, only_channel=only_channel, trace_id=getattr(request.state, "trace_id", "")
        )
    except NotDurable as error:
        _log.error("delivery_not_durable", reason=str(error), updates=len(updates))
        raise _unavailable() from error
    return Response(status_code=200)


async def _body(request: Request) -> bytes:
    """The raw bytes, read no further than the limit."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_DELIVERY_BYTES:
                raise Problem(413, "delivery-too-large", "A delivery has at most 3 MB.")
    except ClientDisconnect as error:
        raise Problem(400, "incomplete-delivery", "The connection ended early.") from error
    return bytes(body)


def _unavailable() -> Problem:
    return Problem(
        503,
        "not-durable",
        "The delivery could not be made durable. Please deliver it again.",
        headers={"Retry-After": "5"},
    )
