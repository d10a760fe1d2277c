"""Temporal's codec server: lets its Web UI and CLI show payloads to those who may see them.

The Web UI can send no key of ours, so a secret segment of the path stands for one. For reading
histories it is as good as a platform administrator's key.
"""

import hmac
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from adapters.temporal import codec_server
from adapters.temporal.codec import EncryptionCodec
from api.dependencies import PlatformAdminDep, ServicesDep
from api.problems import Problem
from api.services import Services

router = APIRouter(prefix="/temporal/codec", tags=["operation"], include_in_schema=False)


def allow_web_ui(request: Request, response: Response, services: ServicesDep) -> None:
    """CORS for the Web UI's origin alone."""
    allowed = services.settings.parley_temporal_ui_url.rstrip("/")
    response.headers["Vary"] = "Origin"
    if request.headers.get("origin") == allowed:
        response.headers["Access-Control-Allow-Origin"] = allowed
        response.headers["Access-Control-Allow-Methods"] = "POST, OPTIONS"
        response.headers["Access-Control-Allow-Headers"] = (
            "content-type, x-namespace, authorization"
        )


def check_token(token: str, services: ServicesDep) -> None:
    expected = services.settings.parley_codec_token
    if expected is None or not hmac.compare_digest(
        token.encode(errors="surrogatepass"), expected.get_secret_value().encode()
    ):
        raise Problem(404, "There is no codec server here. Its address ends in PARLEY_CODEC_TOKEN.")


AllowWebUi = Annotated[None, Depends(allow_web_ui)]
CheckToken = Annotated[None, Depends(check_token)]


@router.options("/decode", status_code=204)
@router.options("/{token}/decode", status_code=204)
async def preflight_decode(_cors: AllowWebUi) -> None:
    """Says before a request whether the Web UI may make it. Tells nothing about the token."""


@router.post("/decode")
async def decode_payloads(
    request: Request, services: ServicesDep, _cors: AllowWebUi, _admin: PlatformAdminDep
) -> dict[str, object]:
    """For clients that can send a platform administrator's key."""
    return await _decode(request, services)


@router.post("/{token}/decode")
async def decode_payloads_with_token(
    request: Request, services: ServicesDep, _cors: AllowWebUi, _token: CheckToken
) -> dict[str, object]:
    return await _decode(request, services)


async def _decode(request: Request, services: Services) -> dict[str, object]:
    try:
        return codec_server.decode(await request.body(), codec=EncryptionCodec(services.keyring))
    except ValueError as error:
        raise Problem(400, f"Not a request to a codec server: {error}.") from None
