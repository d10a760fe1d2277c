"""Reading the control API's requests: every wrong one gets a clear 4xx."""

from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request

from local.simulator.errors import ControlError
from local.simulator.storage.desks import Desk
from local.simulator.storage.directory import Number, Person
from local.simulator.wire import MalformedJsonError, parse_object
from local.simulator.world import World

Parsed = TypeVar("Parsed")


async def read_body(request: Request, shape: type[Parsed], **extra: Any) -> Parsed:
    """The request's JSON object as `shape`; `extra` are fields known from elsewhere."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        # Also keeps foreign web pages out: a browser sends JSON across origins only after asking.
        raise ControlError(415, "The body must be sent as application/json.")
    try:
        body = parse_object(await request.body())
    except MalformedJsonError as error:
        raise ControlError(400, str(error)) from None
    parsed: Parsed = validated(shape, body | extra)
    return parsed


def validated(shape: Any, value: object) -> Any:
    try:
        return TypeAdapter(shape).validate_python(value)
    except ValidationError as error:
        problems = [
            {"field": ".".join(str(part) for part in problem["loc"]), "message": problem["msg"]}
            for problem in error.errors(include_url=False, include_input=False)
        ]
        first = problems[0]
        detail = f"{first['field']}: {first['message']}" if first["field"] else first["message"]
        raise ControlError(422, detail, errors=problems) from None


def known_number(world: World, phone_number_id: str) -> Number:
    number = world.directory.number(phone_number_id)
    if number is None:
        raise ControlError(404, "There is no such number.")
    return number


def known_person(world: World, person_id: str) -> Person:
    person = world.directory.person(person_id)
    if person is None:
        raise ControlError(404, "There is no such person.")
    return person


def known_desk(world: World, phone_number_id: str) -> Desk:
    known_number(world, phone_number_id)
    desk = world.desks.get(phone_number_id)
    if desk is None:
        raise ControlError(404, "This number has no operator's view.")
    return desk
