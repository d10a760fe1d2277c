"""The operator's view of a chat: its conversation in Parley, and what an operator does with it.

The page asks the simulator and the simulator asks Parley's API, so that the key never reaches a
browser. A number without a desk has no view, and the page shows nothing of it.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from itertools import takewhile
from typing import Literal

import httpx
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from local.simulator.errors import ControlError
from local.simulator.graph_api import GraphResponse
from local.simulator.requests import known_number, known_person, read_body
from local.simulator.storage.desks import Desk
from local.simulator.storage.directory import Person
from local.simulator.wire import JsonObject
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
        since the person wrote last."""
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
                    "quotas": [],
                }
            )
        messages, quotas = await asyncio.gather(
            parley.get(f"conversations/{conversation['id']}/messages", limit=str(NEWEST_MESSAGES)),
            parley.get("quotas"),
        )
        items = messages.get("items", [])
        latest = takewhile(lambda one: one.get("direction") != "inbound", items)
        return GraphResponse(
            {
                "available": True,
                "conversation": conversation,
                "uncertain": [one for one in items if one.get("status") == "uncertain"],
                "failed": [one for one in latest if one.get("status") == "failed"],
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

    def _at(person_id: str, phone_number_id: str) -> tuple[Person, "_Parley"]:
        person = known_person(world, person_id)
        desk = _desk(phone_number_id)
        return person, _Parley(world.http, desk, phone_number_id=phone_number_id)

    def _desk(phone_number_id: str) -> Desk:
        known_number(world, phone_number_id)
        desk = world.desks.get(phone_number_id)
        if desk is None:
            raise ControlError(404, "This number has no operator's view.")
        return desk

    return router


class _Parley:
    """The organisation behind a desk. Whatever goes wrong is a sentence for the page."""

    def __init__(self, http: httpx.AsyncClient, desk: Desk, *, phone_number_id: str) -> None:
        self._http = http
        self._desk = desk
        self._phone_number_id = phone_number_id
        self._base = f"{desk.api_url.rstrip('/')}/v1/organizations/{desk.organization_id}"

    async def conversation_of(self, person: Person) -> JsonObject | None:
        """The person's conversation with this number, if they ever wrote."""
        by = {"user_id": person.user_id} if person.wa_id is None else {"wa_id": person.wa_id}
        people, channels = await asyncio.gather(
            self.get("whatsapp-users", **by), self.get("channels", limit="100")
        )
        channel_ids = {
            channel["id"]
            for channel in channels.get("items", [])
            if channel.get("phone_number_id") == self._phone_number_id
        }
        for known in people.get("items", []):
            async for conversation in self._items("conversations", whatsapp_user_id=known["id"]):
                if conversation.get("channel_id") in channel_ids:
                    return conversation
        return None

    async def _items(self, path: str, **params: str) -> AsyncIterator[JsonObject]:
        """Every object of a listing; a filtered page may be empty and still have a next one."""
        while True:
            page = await self.get(path, **params)
            for item in page.get("items", []):
                yield item
            if not page.get("next_cursor"):
                return
            params["cursor"] = str(page["next_cursor"])

    async def id_of(self, person: Person) -> str:
        conversation = await self.conversation_of(person)
        if conversation is None:
            raise ControlError(409, "This chat has no conversation yet.")
        return str(conversation["id"])

    async def get(self, path: str, **params: str) -> JsonObject:
        return await self._ask("GET", path, params=params)

    async def post(self, path: str, body: JsonObject | None = None) -> JsonObject:
        headers = {"Idempotency-Key": secrets.token_hex(16)}
        if body is None:
            return await self._ask("POST", path, headers=headers)
        return await self._ask("POST", path, headers=headers, json=body)

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        params: dict[str, str] | None = None,
        json: JsonObject | None = None,
    ) -> JsonObject:
        key = {"Authorization": f"Bearer {self._desk.api_key.get_secret_value()}"}
        try:
            response = await self._http.request(
                method, f"{self._base}/{path}", headers=key | (headers or {}), params=params,
                json=json,
            )  # fmt: skip
            answer = response.json() if response.content else {}
        except httpx.HTTPError as error:
            raise ControlError(502, f"Parley does not answer ({type(error).__name__}).") from None
        except ValueError:
            raise ControlError(502, "Parley's answer is not JSON.") from None
        if not isinstance(answer, dict):
            raise ControlError(502, "Parley's answer is no JSON object.")
        if response.is_error:
            said = answer.get("detail") or answer.get("title") or response.reason_phrase
            raise ControlError(502, f"Parley answered {response.status_code}: {said}")
        return answer
