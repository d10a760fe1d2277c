"""The Graph API: messages, phone numbers and subscriptions, under any version prefix."""

import secrets
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from local.simulator.errors import GraphError, invalid_token, unknown_object
from local.simulator.faults import Effect
from local.simulator.sending import ConnectionCut
from local.simulator.storage.directory import Number
from local.simulator.wire import JsonObject, dump
from local.simulator.world import World

BEARER = "bearer "
USAGE_HEADER = "x-business-use-case-usage"
NUMBER_FIELDS = ("verified_name", "display_phone_number", "quality_rating", "id")
PAGE = 25
"""Objects on a page of an account, unless `limit` asks for fewer or more."""
LONGEST_PAGE = 100
ACCOUNT_FAULTS: tuple[Effect, ...] = ("account_error", "account_silence")


class GraphResponse(JSONResponse):
    """JSON in ASCII, so that no text that came in can fail to go out."""

    def render(self, content: Any) -> bytes:
        return dump(content).encode()


def graph_router(world: World) -> APIRouter:
    router = APIRouter(prefix="/v{version:float}", tags=["Graph API"])

    @router.post("/{phone_number_id}/messages")
    async def send_message(phone_number_id: str, request: Request) -> Response:
        number = authorized_number(world, phone_number_id, request)
        status, answer = await world.sending.handle(await request.body(), number=number)
        return GraphResponse(answer, status_code=status, headers=_usage(number))

    @router.get("/{waba_id}/phone_numbers")
    async def list_phone_numbers(waba_id: str, request: Request) -> Response:
        numbers = authorized_account(world, waba_id, request)
        objects = [_number_object(number, fields=NUMBER_FIELDS) for number in numbers]
        return GraphResponse(page_of(objects, request))

    @router.post("/{waba_id}/subscribed_apps")
    async def subscribe(waba_id: str, request: Request) -> Response:
        authorized_account(world, waba_id, request)
        world.directory.subscribe(waba_id)
        return GraphResponse({"success": True})

    @router.delete("/{waba_id}/subscribed_apps")
    async def unsubscribe(waba_id: str, request: Request) -> Response:
        authorized_account(world, waba_id, request)
        world.directory.unsubscribe(waba_id)
        return GraphResponse({"success": True})

    @router.get("/{waba_id}/subscribed_apps")
    async def list_subscribed_apps(waba_id: str, request: Request) -> Response:
        authorized_account(world, waba_id, request)
        app = {"id": "670843887433847", "name": "Simulated app", "link": str(request.base_url)}
        subscribed = world.directory.is_subscribed(waba_id)
        return GraphResponse({"data": [{"whatsapp_business_api_data": app}] if subscribed else []})

    return router


def number_object_response(world: World, object_id: str, request: Request) -> Response:
    """`GET /{phone_number_id}?fields=…`: the fields asked for, and always the id."""
    number = authorized_number(world, object_id, request)
    _meet_faults(world, number)
    asked = request.query_params.get("fields")
    fields = NUMBER_FIELDS if asked is None else tuple(asked.split(","))
    return GraphResponse(_number_object(number, fields=fields), headers=_usage(number))


def bearer_token(request: Request) -> str:
    """The token of the request; `GraphError` 190 when there is none or nobody has it."""
    header = request.headers.get("authorization", "")
    token = header[len(BEARER) :].strip() if header.lower().startswith(BEARER) else ""
    token = token or request.query_params.get("access_token", "")
    if not token:
        raise invalid_token()
    return token


def owned_numbers(world: World, request: Request) -> list[Number]:
    """The numbers that the request's token may act for."""
    token = bearer_token(request)
    owned = [number for number in world.directory.numbers() if _is_token_of(number, token)]
    if not owned:
        raise invalid_token()
    return owned


def _is_token_of(number: Number, token: str) -> bool:
    return secrets.compare_digest(number.access_token.encode(), token.encode())


def authorized_number(world: World, phone_number_id: str, request: Request) -> Number:
    """The number, if the token may act for it; otherwise as if it did not exist."""
    token = bearer_token(request)
    number = world.directory.number(phone_number_id)
    if number is not None and _is_token_of(number, token):
        return number
    owned_numbers(world, request)  # a token that nobody has is the graver error
    raise unknown_object(phone_number_id, method=request.method)


def authorized_account(world: World, waba_id: str, request: Request) -> list[Number]:
    """The account's numbers that the token may act for; without any, there is no such account."""
    numbers = [number for number in owned_numbers(world, request) if number.waba_id == waba_id]
    if not numbers:
        raise unknown_object(waba_id, method=request.method)
    _meet_faults(world, numbers[0])
    return numbers


def _meet_faults(world: World, number: Number) -> None:
    struck = world.faults.strike(
        ACCOUNT_FAULTS, phone_number_id=number.phone_number_id, address="", person=None
    )
    for rule in struck.values():
        if rule.code is not None:
            raise GraphError(rule.code)
        raise ConnectionCut(after=rule.seconds or 0)


def _number_object(number: Number, *, fields: tuple[str, ...]) -> JsonObject:
    values: JsonObject = {
        "verified_name": number.name,
        "display_phone_number": number.display_phone_number,
        "quality_rating": "GREEN",
        "platform_type": number.platform_type,
        "code_verification_status": "VERIFIED",
        "throughput": {"level": "STANDARD"},
        "id": number.phone_number_id,
    }
    wanted = {field.strip() for field in fields}
    unknown = sorted(wanted - values.keys())
    if unknown:
        raise GraphError(
            100, message=f"(#100) Tried accessing nonexisting field ({unknown[0]}) on node type"
            " (WhatsAppBusinessPhoneNumber)",
        )  # fmt: skip
    return {key: value for key, value in values.items() if key in wanted or key == "id"}


def _usage(number: Number) -> dict[str, str]:
    usage = {
        "type": "whatsapp",
        "call_count": 1,
        "total_cputime": 1,
        "total_time": 1,
        "estimated_time_to_regain_access": 0,
    }
    return {USAGE_HEADER: dump({number.waba_id: [usage]})}


def page_of(objects: list[JsonObject], request: Request) -> JsonObject:
    """A page of an account's objects; `paging.next` is there while there are more."""
    limit = request.query_params.get("limit", "")
    size = min(int(limit), LONGEST_PAGE) if limit.isascii() and limit.isdigit() else PAGE
    after = request.query_params.get("after")
    ids = [one["id"] for one in objects]
    start = ids.index(after) + 1 if after in ids else 0
    end = start + max(size, 1)
    data = objects[start:end]
    if not data:
        return {"data": []}
    paging: JsonObject = {"cursors": {"before": data[0]["id"], "after": data[-1]["id"]}}
    if end < len(objects):
        paging["next"] = str(request.url.include_query_params(after=data[-1]["id"]))
    return {"data": data, "paging": paging}
