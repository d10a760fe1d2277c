"""The Graph API's media: upload, look up, download by a link that ends, delete."""

import re

from fastapi import APIRouter, Request
from starlette.datastructures import UploadFile
from starlette.responses import FileResponse, Response

from local.simulator.config import DAY
from local.simulator.errors import GraphError, unknown_object
from local.simulator.graph_api import (
    GraphResponse,
    authorized_number,
    number_object_response,
    owned_numbers,
)
from local.simulator.storage.media import ACCEPTED_MIME_TYPES, LARGEST, Media
from local.simulator.wire import JsonObject
from local.simulator.world import DOWNLOAD_PATH, World

UPLOAD_LIFE_SECONDS = 30 * DAY
MIME_TYPE = r"^[A-Za-z0-9.+_-]+/[A-Za-z0-9.+_-]+( *;[ -~]*)?$"


def media_kind(mime_type: str) -> str:
    """The message type that a MIME type can be sent as."""
    base = mime_type.partition(";")[0].strip().lower()
    for kind, accepted in ACCEPTED_MIME_TYPES.items():
        if base in accepted:
            return kind
    return "document"


def media_router(world: World) -> APIRouter:
    router = APIRouter(tags=["Graph API"])

    @router.post("/v{version:float}/{phone_number_id}/media")
    async def upload(phone_number_id: str, request: Request) -> Response:
        number = authorized_number(world, phone_number_id, request)
        async with request.form(max_files=1, max_fields=20) as form:
            file = form.get("file")
            if form.get("messaging_product") != "whatsapp":
                raise GraphError(100, message="(#100) The parameter messaging_product is required.")
            if not isinstance(file, UploadFile):
                raise GraphError(100, message="(#100) The parameter file is required.")
            declared = form.get("type")
            mime_type = declared if isinstance(declared, str) else file.content_type
            if not mime_type or not re.fullmatch(MIME_TYPE, mime_type):
                raise GraphError(100, message="(#100) Param type must be a MIME type.")
            content = await file.read()
            filename = file.filename
        if not content:
            raise GraphError(131053, details="The file is empty.")
        limit = LARGEST[media_kind(mime_type)]
        if len(content) > limit:
            raise GraphError(131053, details=f"The file is larger than {limit} bytes.")
        media = world.media.add(
            content,
            mime_type=mime_type,
            filename=filename,
            phone_number_id=number.phone_number_id,
            expires_at=world.clock.now() + UPLOAD_LIFE_SECONDS,
        )
        return GraphResponse({"id": media.id})

    # Phone numbers and media share this path: Graph finds out by the id.
    @router.get("/v{version:float}/{object_id}")
    async def look_up(object_id: str, request: Request) -> Response:
        media = world.media.get(object_id, now=world.clock.now())
        if media is None:
            return number_object_response(world, object_id, request)
        _check_access(media, request)
        return GraphResponse(media_object(world, media, base_url=str(request.base_url)))

    @router.delete("/v{version:float}/{object_id}")
    async def delete(object_id: str, request: Request) -> Response:
        owned_numbers(world, request)
        media = world.media.get(object_id, now=world.clock.now())
        if media is None:
            raise unknown_object(object_id, method=request.method)
        _check_access(media, request)
        world.media.delete(media)
        return GraphResponse({"success": True})

    @router.get(DOWNLOAD_PATH)
    async def download(request: Request) -> Response:
        owned_numbers(world, request)
        query = request.query_params
        media_id, ends = query.get("mid", ""), query.get("ext", "")
        now = world.clock.now()
        if not (ends.isascii() and ends.isdigit() and len(ends) < 12):
            return Response(status_code=404)
        good = world.media.link_is_good(
            media_id, expires_at=int(ends), mac=query.get("hash", ""), now=now
        )
        media = world.media.get(media_id, now=now)
        if not good or media is None:
            return Response(status_code=404)
        _check_access(media, request)
        if world.faults.strike(
            ("media_expired",),
            phone_number_id=media.phone_number_id or "",
            address="",
            person=None,
        ):
            return Response(status_code=404)
        return FileResponse(world.media.path(media), media_type=media.mime_type)

    def _check_access(media: Media, request: Request) -> None:
        allowed = {number.phone_number_id for number in owned_numbers(world, request)}
        asked = request.query_params.get("phone_number_id")
        if media.phone_number_id not in allowed or asked not in (None, media.phone_number_id):
            raise unknown_object(media.id, method=request.method)

    return router


def media_object(world: World, media: Media, *, base_url: str) -> JsonObject:
    """What Graph says about a file, with a link that is good for five minutes."""
    return {
        "messaging_product": "whatsapp",
        "url": world.media_link(media, base_url=base_url),
        "mime_type": media.mime_type,
        "sha256": media.sha256,
        "file_size": media.size,
        "id": media.id,
    }
