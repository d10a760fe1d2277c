"""The control API of what is no message: new numbers, preferences, calls, echoes, any webhook."""

from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from starlette.responses import Response

from local.simulator.errors import ControlError
from local.simulator.graph_api import GraphResponse
from local.simulator.person_events import Preference
from local.simulator.requests import known_number, known_person, read_body
from local.simulator.storage.directory import TakenError
from local.simulator.storage.messages import Message
from local.simulator.views import message_view
from local.simulator.webhooks import account_body, event_body
from local.simulator.wire import JsonObject
from local.simulator.world import World


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class NumberChange(Body):
    wa_id: Annotated[str, StringConstraints(pattern=r"^[0-9]{5,20}$")] | None = None
    """A fictitious one by default."""


class PreferenceBody(Body):
    phone_number_id: str
    value: Preference


class EchoBody(Body):
    """Exactly one of a new text, an edit of one, or a deletion."""

    phone_number_id: str
    text: Annotated[str, StringConstraints(min_length=1, max_length=4096)] | None = None
    edit: JsonObject | None = None
    revoke: JsonObject | None = None

    @model_validator(mode="after")
    def _is_one(self) -> "EchoBody":
        if sum(value is not None for value in (self.text, self.edit, self.revoke)) != 1:
            raise ValueError("exactly one of text, edit and revoke is needed")
        return self

    @property
    def message(self) -> tuple[str, JsonObject]:
        if self.edit is not None:
            return "edit", self.edit
        if self.revoke is not None:
            return "revoke", self.revoke
        return "text", {"body": self.text}


class CallBody(Body):
    phone_number_id: str


class PlayedBody(Body):
    message_id: str


class AnyWebhook(Body):
    """A webhook of any field. `scope`: with the number's metadata, or of the account as a whole."""

    field: Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,64}$")]
    value: JsonObject
    scope: Literal["number", "account"] = "number"
    copies: int = Field(default=1, ge=1, le=100)


def person_events_router(world: World) -> APIRouter:
    router = APIRouter(prefix="/simulator", tags=["Control"])

    @router.post("/people/{person_id}/number-change")
    async def change_number(person_id: str, request: Request) -> Response:
        person = known_person(world, person_id)
        body = await read_body(request, NumberChange)
        if person.wa_id is None:
            raise ControlError(409, "This person hides the number: only the user id can change.")
        try:
            changed = world.person_events.change_number(
                person, wa_id=body.wa_id or world.free_wa_id()
            )
        except TakenError:
            raise ControlError(409, "Somebody else has this wa_id.") from None
        return GraphResponse(changed.model_dump())

    @router.post("/people/{person_id}/user-id-change")
    async def change_user_id(person_id: str) -> Response:
        person = known_person(world, person_id)
        return GraphResponse(world.person_events.change_user_id(person).model_dump())

    @router.post("/people/{person_id}/preferences", status_code=202)
    async def prefer(person_id: str, request: Request) -> Response:
        person = known_person(world, person_id)
        body = await read_body(request, PreferenceBody)
        number = known_number(world, body.phone_number_id)
        world.person_events.prefer(person, number=number, value=body.value)
        return GraphResponse({"value": body.value}, status_code=202)

    @router.post("/people/{person_id}/echoes", status_code=201)
    async def echo(person_id: str, request: Request) -> Response:
        person = known_person(world, person_id)
        body = await read_body(request, EchoBody)
        number = known_number(world, body.phone_number_id)
        message_type, content = body.message
        message = world.person_events.echo(
            person, number=number, message_type=message_type, content=content
        )
        return GraphResponse(message_view(message, config=world.config), status_code=201)

    @router.post("/people/{person_id}/calls", status_code=201)
    async def call(person_id: str, request: Request) -> Response:
        person = known_person(world, person_id)
        body = await read_body(request, CallBody)
        number = known_number(world, body.phone_number_id)
        message = world.person_events.call(person, number=number)
        return GraphResponse(message_view(message, config=world.config), status_code=201)

    @router.post("/people/{person_id}/calls/{call_id:path}/end")
    async def hang_up(person_id: str, call_id: str) -> Response:
        person = known_person(world, person_id)
        message = _message_of(person_id, call_id)
        if message.type != "call" or message.content != {"event": "connect"}:
            raise ControlError(409, "This is not a call that is under way.")
        number = known_number(world, message.phone_number_id)
        ended = world.person_events.hang_up(message, person=person, number=number)
        return GraphResponse(message_view(ended, config=world.config))

    @router.post("/people/{person_id}/played", status_code=202)
    async def play(person_id: str, request: Request) -> Response:
        body = await read_body(request, PlayedBody)
        message = _message_of(person_id, body.message_id)
        if message.direction != "outbound" or message.type != "audio" or message.extra.from_app:
            raise ControlError(409, "This is not a voice message of the business.")
        world.network.play(message)
        return GraphResponse({"message_id": message.id}, status_code=202)

    @router.post("/numbers/{phone_number_id}/webhooks", status_code=202)
    async def send_any(phone_number_id: str, request: Request) -> Response:
        """Deliver what is given, signed and retried like everything else."""
        number = known_number(world, phone_number_id)
        asked = await read_body(request, AnyWebhook)
        if asked.scope == "account":
            body = account_body(asked.field, asked.value, number=number, at=world.clock.now())
        else:
            body = event_body(asked.field, asked.value, number=number)
        world.outbox.enqueue(
            "event",
            lane=f"{asked.scope}/{phone_number_id}",
            number=number,
            body=body,
            person_id=None,
            copies=asked.copies,
        )
        return GraphResponse({"field": asked.field}, status_code=202)

    def _message_of(person_id: str, message_id: str) -> Message:
        message = world.messages.get(message_id)
        if message is None or message.person_id != person_id:
            raise ControlError(404, "There is no such message of this person.")
        return message

    return router
