"""The operator's view of a chat: its conversation in Parley, and what an operator does with it.

The page asks the simulator and the simulator asks Parley's API, so that the key never reaches a
browser. A number without a desk has no view, and the page shows nothing of it.
"""

import asyncio
from itertools import takewhile
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from local.simulator.graph_api import GraphResponse
from local.simulator.parley import Parley
from local.simulator.requests import known_desk, known_number, known_person, read_body
from local.simulator.storage.desks import Desk
from local.simulator.storage.directory import Person
from local.simulator.world import World

Action = Literal["takeover", "release", "close"]
NEWEST_MESSAGES = 50
"""Messages that are looked through for uncertain ones."""


class OperatorText(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=4096)


def desk_router(world: World) -> APIRouter:
    router = APIRouter(prefix="/simulator", tags=["Operator's view"])

    @router.put("/numbers/{phone_number_id}/desk", status_code=204)
    async def put_desk(phone_number_id: str, request: Request) -> Response:
        known_number(world, phone_number_id)
        world.desks.put(phone_number_id, await read_body(request, Desk))
        return Response(status_code=204)

    @router.get("/numbers/{phone_number_id}/desk")
    async def read_desk(phone_number_id: str) -> Response:
        """Where it leads; the key never comes out."""
        known_number(world, phone_number_id)
        desk = world.desks.get(phone_number_id)
        if desk is None:
            return GraphResponse({"available": False})
        where = desk.model_dump(include={"api_url", "organization_id"})
        return GraphResponse({"available": True} | where)

    @router.get("/desk/{person_id}/{phone_number_id}")
    async def look(person_id: str, phone_number_id: str) -> Response:
        """`available` is false where no key was given: that is no error. `failed` are messages
        since the person wrote last, `citations` what the newest answer since then was taken from.
        """
        known_number(world, phone_number_id)
        if world.desks.get(phone_number_id) is None:
            return GraphResponse({"available": False})
        person, parley = _at(person_id, phone_number_id)
        conversation = await parley.conversation_of(person)
        if conversation is None:
            return GraphResponse(
                {
                    "available": True,
                    "conversation": None,
                    "uncertain": [],
                    "failed": [],
                    "citations": [],
                    "quotas": [],
                }
            )
        messages, quotas = await asyncio.gather(
            parley.get(f"conversations/{conversation['id']}/messages", limit=str(NEWEST_MESSAGES)),
            parley.get("quotas"),
        )
        items = messages.get("items", [])
        latest = list(takewhile(lambda one: one.get("direction") != "inbound", items))
        return GraphResponse(
            {
                "available": True,
                "conversation": conversation,
                "uncertain": [one for one in items if one.get("status") == "uncertain"],
                "failed": [one for one in latest if one.get("status") == "failed"],
                "citations": next((one["citations"] for one in latest if one.get("citations")), []),
                "quotas": quotas.get("items", []),
            }
        )

    @router.post("/desk/{person_id}/{phone_number_id}/messages", status_code=201)
    async def say(person_id: str, phone_number_id: str, request: Request) -> Response:
        person, parley = _at(person_id, phone_number_id)
        body = await read_body(request, OperatorText)
        path = f"conversations/{await parley.id_of(person)}/messages"
        return GraphResponse(await parley.post(path, {"text": body.text}), status_code=201)

    @router.post("/desk/{person_id}/{phone_number_id}/{action}")
    async def act(person_id: str, phone_number_id: str, action: Action) -> Response:
        person, parley = _at(person_id, phone_number_id)
        path = f"conversations/{await parley.id_of(person)}/{action}"
        return GraphResponse(await parley.post(path))

    def _at(person_id: str, phone_number_id: str) -> tuple[Person, Parley]:
        person = known_person(world, person_id)
        desk = known_desk(world, phone_number_id)
        return person, Parley(world.http, desk, phone_number_id=phone_number_id)

    return router
