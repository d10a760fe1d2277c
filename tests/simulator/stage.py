"""A simulator with one business and its webhook, as tests use it: through HTTP only."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from local.simulator import SimulatorConfig, serve
from tests.simulator.receiver import (
    APP_SECRET,
    DEADLINE_SECONDS,
    VERIFY_TOKEN,
    Receiver,
    receiving,
)

PHONE_NUMBER_ID = "106540352242922"
WABA_ID = "102290129340398"
ACCESS_TOKEN = "the access token"


class Stage:
    """Short ways to say what happens in a test."""

    def __init__(self, http: httpx.AsyncClient, *, receiver: Receiver, url: str) -> None:
        self.http = http
        self.receiver = receiver
        self.url = url

    async def put_number(self, phone_number_id: str = PHONE_NUMBER_ID, **changes: Any) -> None:
        number = {
            "waba_id": WABA_ID,
            "display_phone_number": "+1 555 078 3881",
            "name": "Blue Door Bakery",
            "app_secret": APP_SECRET,
            "access_token": ACCESS_TOKEN,
            "verify_token": VERIFY_TOKEN,
            "callback_url": self.receiver.url,
        }
        response = await self.http.put(
            f"/simulator/numbers/{phone_number_id}", json=number | changes
        )
        assert response.status_code == 200, response.text

    async def person(self, **fields: Any) -> dict[str, Any]:
        response = await self.http.post("/simulator/people", json={"name": "Lucía Gómez"} | fields)
        assert response.status_code == 201, response.text
        made: dict[str, Any] = response.json()
        return made

    async def write(self, person: dict[str, Any], text: str | None = "Hello", **more: Any) -> str:
        """The person writes; gives the message's id."""
        body = {"phone_number_id": PHONE_NUMBER_ID, "type": "text", "text": text} | more
        response = await self.http.post(f"/simulator/people/{person['id']}/messages", json=body)
        assert response.status_code == 201, response.text
        return str(response.json()["id"])

    async def acquainted(self, **fields: Any) -> dict[str, Any]:
        """Someone whose service window is open."""
        person = await self.person(**fields)
        await self.write(person)
        return person

    async def graph(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {ACCESS_TOKEN}"} | arguments.pop("headers", {})
        return await self.http.request(method, f"/v24.0/{path}", headers=headers, **arguments)

    async def send(self, body: dict[str, Any]) -> httpx.Response:
        return await self.graph(
            "POST", f"{PHONE_NUMBER_ID}/messages", json={"messaging_product": "whatsapp"} | body
        )

    async def reply(self, person: dict[str, Any], text: str = "Good morning", **more: Any) -> str:
        """The business sends a text; gives the message's id."""
        body = {"to": f"+{person['wa_id']}", "type": "text", "text": {"body": text}} | more
        response = await self.send(body)
        assert response.status_code == 200, response.text
        return str(response.json()["messages"][0]["id"])

    async def chat(self, person: dict[str, Any]) -> list[dict[str, Any]]:
        response = await self.http.get(f"/simulator/conversations/{person['id']}/{PHONE_NUMBER_ID}")
        items: list[dict[str, Any]] = response.json()["items"]
        return items

    async def status_of(self, person: dict[str, Any], message_id: str) -> str:
        chat = await self.chat(person)
        return next(str(item["status"]) for item in chat if item["id"] == message_id)

    async def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """A call of the control API that must succeed; gives its answer."""
        response = await self.http.post(f"/simulator/{path}", json=body or {})
        assert response.is_success, response.text
        return response.json()

    async def put_faults(self, *rules: dict[str, Any]) -> None:
        response = await self.http.put("/simulator/faults", json={"rules": list(rules)})
        assert response.status_code == 200, response.text


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until the condition holds."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not await condition():  # noqa: ASYNC110 - the condition is behind HTTP
            await asyncio.sleep(0.01)


@asynccontextmanager
async def staged(data_dir: Path, *, port: int = 0, **config: Any) -> AsyncIterator[Stage]:
    """A stage without delays, on a free port; `config` changes how its network behaves."""
    settings = {
        "sent_delay_seconds": 0,
        "delivered_delay_seconds": 0,
        "retry_base_seconds": 0.01,
    } | config
    async with (
        receiving() as receiver,
        serve(SimulatorConfig(data_dir=data_dir, **settings), port=port) as url,
        httpx.AsyncClient(base_url=url, timeout=DEADLINE_SECONDS) as http,
    ):
        stage = Stage(http, receiver=receiver, url=url)
        await stage.put_number()
        yield stage
