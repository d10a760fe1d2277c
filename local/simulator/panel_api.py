"""What the page looks at: chats, transcripts, raw traffic, media, and events as they happen."""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import FileResponse, Response, StreamingResponse

from local.simulator.errors import ControlError
from local.simulator.graph_api import GraphResponse
from local.simulator.network import SERVICE_WINDOW_SECONDS
from local.simulator.requests import known_number, known_person
from local.simulator.storage.traffic import Delivery, Send
from local.simulator.views import delivery_view, message_view, send_view
from local.simulator.wire import JsonObject, dump
from local.simulator.world import World

HEARTBEAT_SECONDS = 15.0
SHOWN_IN_PAGE = ("image/jpeg", "image/png", "image/webp", "audio/", "video/")
"""MIME types that are opened in place; anything else is downloaded, never rendered."""

Cursor = Annotated[int | None, Query(ge=0, lt=2**63)]
Limit = Annotated[int, Query(ge=1, le=500)]


def panel_router(world: World) -> APIRouter:
    router = APIRouter(prefix="/simulator", tags=["Panel"])

    @router.get("/conversations")
    async def list_conversations() -> Response:
        written_at = world.messages.newest_inbound_by_chat()
        items = [
            {
                "person_id": message.person_id,
                "phone_number_id": message.phone_number_id,
                "unread": unread,
                "window_closes_at": _window_end(
                    written_at.get((message.person_id or "", message.phone_number_id))
                ),
                "last_message": message_view(message, config=world.config),
            }
            for message, unread in world.messages.latest_by_chat()
        ]
        return GraphResponse({"items": items})

    @router.get("/conversations/{person_id}/{phone_number_id}")
    async def read_conversation(
        person_id: str, phone_number_id: str, cursor: Cursor = None, limit: Limit = 200
    ) -> Response:
        person = known_person(world, person_id)
        number = known_number(world, phone_number_id)
        messages = world.messages.chat(
            person_id=person_id, phone_number_id=phone_number_id, before=cursor, limit=limit
        )
        items = [message_view(message, config=world.config) for message in messages]
        typing = world.network.typing.is_shown(person_id=person_id, phone_number_id=phone_number_id)
        more = len(items) == limit
        return GraphResponse(
            {
                "person": person.model_dump(),
                "number": number.public(),
                "items": items,
                "next_cursor": str(items[0]["seq"]) if more else None,
                "typing": typing,
                "window_closes_at": world.network.window_closes_at(person, number=number),
                "window_open": world.network.window_is_open(person, number=number),
            }
        )

    @router.get("/deliveries")
    async def list_deliveries(
        phone_number_id: str | None = None,
        person_id: str | None = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Response:
        found = world.traffic.deliveries(
            phone_number_id=phone_number_id, person_id=person_id, before=cursor, limit=limit
        )
        return GraphResponse(_page([delivery_view(item) for item in found], found, limit=limit))

    @router.get("/sends")
    async def list_sends(
        phone_number_id: str | None = None,
        person_id: str | None = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Response:
        found = world.traffic.sends(
            phone_number_id=phone_number_id, person_id=person_id, before=cursor, limit=limit
        )
        return GraphResponse(_page([send_view(item) for item in found], found, limit=limit))

    @router.get("/media/{media_id}")
    async def show_media(media_id: str) -> Response:
        media = world.media.get(media_id, now=world.clock.now())
        if media is None:
            raise ControlError(404, "There is no such media.")
        shown = media.mime_type.lower().startswith(SHOWN_IN_PAGE)
        return FileResponse(
            world.media.path(media),
            media_type=media.mime_type if shown else "application/octet-stream",
            filename=media.filename or media.id,
            content_disposition_type="inline" if shown else "attachment",
            headers={"Content-Security-Policy": "sandbox; default-src 'none'"},
        )

    @router.get("/events")
    async def follow_events() -> Response:
        return StreamingResponse(
            _event_stream(world),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    return router


async def _event_stream(world: World) -> AsyncIterator[str]:
    yield "retry: 1000\n\n"
    async for event in world.events.subscribe(heartbeat=HEARTBEAT_SECONDS):
        yield ": still here\n\n" if event is None else f"data: {dump(event)}\n\n"


def _window_end(written_at: float | None) -> float | None:
    return None if written_at is None else written_at + SERVICE_WINDOW_SECONDS


def _page(items: list[JsonObject], found: Sequence[Delivery | Send], *, limit: int) -> JsonObject:
    """Newest first; the cursor leads to older ones."""
    return {"items": items, "next_cursor": str(found[-1].id) if len(found) == limit else None}
