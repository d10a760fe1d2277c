"""The organisation behind a number, as the page's desk reaches it: through Parley's own API."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any, BinaryIO, Final

import httpx

from local.simulator.errors import ControlError
from local.simulator.storage.desks import Desk
from local.simulator.storage.directory import Person
from local.simulator.wire import JsonObject

UPLOAD_SECONDS: Final = 300.0
"""Parley answers when it has stored the file, which may have 100 MB."""


class Parley:
    """Asks with the desk's key. Whatever goes wrong is a sentence for the page."""

    def __init__(self, http: httpx.AsyncClient, desk: Desk, *, phone_number_id: str) -> None:
        self._http = http
        self._desk = desk
        self._phone_number_id = phone_number_id
        self._base = f"{desk.api_url.rstrip('/')}/v1/organizations/{desk.organization_id}"

    async def conversation_of(self, person: Person) -> JsonObject | None:
        """The person's conversation with this number, if they ever wrote."""
        by = {"user_id": person.user_id} if person.wa_id is None else {"wa_id": person.wa_id}
        people, channel = await asyncio.gather(self.get("whatsapp-users", **by), self.channel())
        for known in people.get("items", []):
            async for conversation in self.items("conversations", whatsapp_user_id=known["id"]):
                if channel is not None and conversation.get("channel_id") == channel["id"]:
                    return conversation
        return None

    async def channel(self) -> JsonObject | None:
        """The number's channel, if the organisation still has it."""
        async for channel in self.items("channels", limit="100"):
            if channel.get("phone_number_id") == self._phone_number_id:
                return channel
        return None

    async def items(self, path: str, **params: str) -> AsyncIterator[JsonObject]:
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

    async def upload(
        self, path: str, *, filename: str, file: BinaryIO, media_type: str
    ) -> JsonObject:
        return await self._ask(
            "POST",
            path,
            headers={"Idempotency-Key": secrets.token_hex(16)},
            files={"file": (filename, file, media_type)},
            timeout=UPLOAD_SECONDS,
        )

    async def delete(self, path: str) -> None:
        await self._ask("DELETE", path)

    async def address_of(self, path: str) -> str | None:
        """Where Parley sends whoever asks for this; None when there is no such thing."""
        response = await self._request("GET", path)
        if response.status_code == HTTPStatus.NOT_FOUND:
            return None
        if not response.has_redirect_location:
            raise _refusal(response)
        return str(response.url.join(response.headers["location"]))

    async def _ask(self, method: str, path: str, **arguments: Any) -> JsonObject:
        response = await self._request(method, path, **arguments)
        if response.is_error:
            raise _refusal(response)
        return _object(response)

    async def _request(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **arguments: Any
    ) -> httpx.Response:
        key = {"Authorization": f"Bearer {self._desk.api_key.get_secret_value()}"}
        try:
            return await self._http.request(
                method, f"{self._base}/{path}", headers=key | (headers or {}), **arguments
            )
        except httpx.HTTPError as error:
            raise ControlError(502, f"Parley does not answer ({type(error).__name__}).") from None


def _object(response: httpx.Response) -> JsonObject:
    try:
        answer = response.json() if response.content else {}
    except ValueError:
        raise ControlError(502, "Parley's answer is not JSON.") from None
    if not isinstance(answer, dict):
        raise ControlError(502, "Parley's answer is no JSON object.")
    return answer


def _refusal(response: httpx.Response) -> ControlError:
    answer = _object(response)
    said = answer.get("detail") or answer.get("title") or response.reason_phrase
    return ControlError(502, f"Parley answered {response.status_code}: {said}")
