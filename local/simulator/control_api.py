"""The control API: numbers, people, what they write, the notice."""

import secrets
from typing import Annotated

import httpx
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.datastructures import UploadFile
from starlette.responses import Response

from local.simulator.errors import ControlError
from local.simulator.graph_api import GraphResponse
from local.simulator.requests import known_number, known_person, read_body
from local.simulator.storage.directory import Number, Person, TakenError
from local.simulator.template_samples import ensure_samples
from local.simulator.views import message_view
from local.simulator.wire import JsonObject, new_user_id
from local.simulator.world import World
from local.simulator.written import (
    INBOUND_MEDIA_LIFE_SECONDS,
    Written,
    wire_content,
    wire_context,
    wire_siblings,
)

PERSON_ID = r"^[A-Za-z0-9_-]{1,64}$"


class PersonBody(BaseModel):
    """Someone new. Without a `wa_id` a fictitious one is made; `null` means the person hides it."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    name: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    id: Annotated[str, StringConstraints(pattern=PERSON_ID)] = Field(
        default_factory=lambda: f"person-{secrets.token_hex(8)}"
    )
    wa_id: Annotated[str, StringConstraints(pattern=r"^[0-9]{5,20}$")] | None = None
    user_id: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}\.[A-Za-z0-9]{1,128}$")] = Field(
        default_factory=new_user_id
    )


class ChatBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    phone_number_id: str


class NoticeBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str = Field(max_length=2000)


def control_router(world: World) -> APIRouter:
    router = APIRouter(prefix="/simulator", tags=["Control"])

    @router.put("/numbers/{phone_number_id}")
    async def put_number(phone_number_id: str, request: Request) -> Response:
        number = await read_body(request, Number, phone_number_id=phone_number_id)
        world.directory.put_number(number)
        ensure_samples(world.templates, waba_id=number.waba_id)
        world.events.publish({"type": "number", "number": number.public()})
        return GraphResponse(number.public())

    @router.get("/numbers")
    async def list_numbers() -> Response:
        return GraphResponse({"items": [number.public() for number in world.directory.numbers()]})

    @router.post("/numbers/{phone_number_id}/verify")
    async def verify_callback(phone_number_id: str) -> Response:
        number = known_number(world, phone_number_id)
        return GraphResponse(await _handshake(world.http, number))

    @router.post("/people", status_code=201)
    async def create_person(request: Request) -> Response:
        body = await read_body(request, PersonBody)
        if world.directory.person(body.id) is not None:
            raise ControlError(409, "There is a person with this id already.")
        return GraphResponse(_store(body), status_code=201)

    @router.put("/people/{person_id}")
    async def put_person(person_id: str, request: Request) -> Response:
        body = await read_body(request, PersonBody, id=person_id)
        known = world.directory.person(person_id)
        if known is not None:  # what is not said stays as it was
            kept = {"wa_id", "user_id"} - body.model_fields_set
            body = body.model_copy(update={field: getattr(known, field) for field in kept})
        return GraphResponse(_store(body))

    @router.get("/people")
    async def list_people() -> Response:
        return GraphResponse(
            {"items": [person.model_dump() for person in world.directory.people()]}
        )

    @router.post("/people/{person_id}/messages", status_code=201)
    async def write(person_id: str, request: Request) -> Response:
        person = known_person(world, person_id)
        written = await read_body(request, Written)
        number = known_number(world, written.phone_number_id)
        content = wire_content(world, written, number=number, base_url=str(request.base_url))
        own_id = content.get("id") if written.type == "raw" else None
        if own_id is not None and (not isinstance(own_id, str) or world.messages.get(own_id)):
            raise ControlError(409, "raw.id must be a text that no other message has.")
        message = world.network.person_writes(
            person,
            number=number,
            message_type=written.type,
            content=content,
            context=wire_context(world, written, person=person, number=number),
            siblings=wire_siblings(written),
            message_id=own_id,
        )
        return GraphResponse(message_view(message, config=world.config), status_code=201)

    @router.post("/people/{person_id}/opened")
    async def open_chat(person_id: str, request: Request) -> Response:
        person = known_person(world, person_id)
        body = await read_body(request, ChatBody)
        number = known_number(world, body.phone_number_id)
        return GraphResponse({"read": world.network.open_chat(person, number=number)})

    @router.post("/media", status_code=201)
    async def upload(request: Request) -> Response:
        if not request.headers.get("content-type", "").startswith("multipart/form-data"):
            raise ControlError(415, "The file must be sent as multipart/form-data.")
        async with request.form(max_files=1, max_fields=5) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise ControlError(422, "The field file is needed.")
            media = world.media.add(
                await file.read(),
                mime_type=file.content_type or "application/octet-stream",
                filename=file.filename,
                phone_number_id=None,
                expires_at=world.clock.now() + INBOUND_MEDIA_LIFE_SECONDS,
            )
        return GraphResponse({"id": media.id, "mime_type": media.mime_type}, status_code=201)

    @router.get("/notice")
    async def read_notice() -> Response:
        return GraphResponse({"text": world.database.fact("notice") or ""})

    @router.put("/notice")
    async def put_notice(request: Request) -> Response:
        body = await read_body(request, NoticeBody)
        world.database.remember("notice", body.text)
        world.events.publish({"type": "notice", "text": body.text})
        return GraphResponse({"text": body.text})

    def _store(body: PersonBody) -> JsonObject:
        known = world.directory.person(body.id)
        if known is None and "wa_id" not in body.model_fields_set:
            body = body.model_copy(update={"wa_id": world.free_wa_id()})
        person = Person(**body.model_dump())
        try:
            world.directory.put_person(person, at=world.clock.now())
        except TakenError:
            raise ControlError(409, "Somebody else has this wa_id or user_id.") from None
        world.events.publish({"type": "person", "person": person.model_dump()})
        return person.model_dump()

    return router


async def _handshake(http: httpx.AsyncClient, number: Number) -> JsonObject:
    """Meta's check of a callback: it must echo the challenge to the right verify token."""
    challenge = str(secrets.randbelow(10**10))
    query = {
        "hub.mode": "subscribe",
        "hub.challenge": challenge,
        "hub.verify_token": number.verify_token,
    }
    url = httpx.URL(number.callback_url)
    try:
        response = await http.get(url.copy_merge_params(query))
    except httpx.HTTPError as error:
        return {"verified": False, "status": None, "reason": type(error).__name__}
    verified = response.status_code == httpx.codes.OK and response.text == challenge
    reason = None if verified else "The callback did not answer 200 with the challenge."
    return {"verified": verified, "status": response.status_code, "reason": reason}
