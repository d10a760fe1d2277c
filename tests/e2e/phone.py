"""A person with a phone, and the business's side of things: what a test does and sees outside."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx
import psutil

from local.product import Product

PATIENCE_SECONDS = 60.0


class Phone:
    """One person writing to one number through the simulator."""

    def __init__(self, simulator: httpx.AsyncClient, *, person_id: str, number: str) -> None:
        self._simulator = simulator
        self.person_id = person_id
        self.number = number

    async def write(self, text: str) -> None:
        answer = await self._simulator.post(
            f"/simulator/people/{self.person_id}/messages",
            json={"phone_number_id": self.number, "type": "text", "text": text},
        )
        answer.raise_for_status()

    async def chat(self) -> list[dict[str, Any]]:
        """Every message of the chat, oldest first."""
        path = f"/simulator/conversations/{self.person_id}/{self.number}"
        answer = (await self._simulator.get(path)).raise_for_status().json()
        messages: list[dict[str, Any]] = answer["items"]
        return messages

    async def replies(self) -> list[str]:
        """What the business wrote, oldest first."""
        return [
            message["content"]["body"]
            for message in await self.chat()
            if message["direction"] == "outbound" and message["type"] == "text"
        ]

    async def ask(self, text: str) -> str:
        """Write, and return the reply."""
        before = len(await self.replies())
        await self.write(text)
        replies: list[str] = await eventually(self.replies, lambda found: len(found) > before)
        return replies[-1]


async def eventually(
    look: Callable[[], Any], holds: Callable[[Any], bool], *, within: float = PATIENCE_SECONDS
) -> Any:
    """What `look` finds once the condition holds for it; fails with the last find."""
    deadline = time.monotonic() + within
    found: Any = None
    while True:
        # A server that is being started again refuses connections for a moment.
        with suppress(httpx.TransportError):
            found = await look()
            if holds(found):
                return found
        if time.monotonic() > deadline:
            raise AssertionError(f"still not so after {within:.0f} s: {found!r}")
        await asyncio.sleep(0.1)


async def new_phone(product: Product, business: str, *, name: str) -> Phone:
    """A new person's phone, after a first hello with a business of the demo."""
    simulator = httpx.AsyncClient(base_url=product.simulator_url, timeout=10, trust_env=False)

    async def numbers() -> list[dict[str, Any]]:
        answer = (await simulator.get("/simulator/numbers")).raise_for_status().json()
        return [each for each in answer["items"] if business in each["name"]]

    # The demo is set up after the product is ready; its number comes last.
    (number,) = await eventually(numbers, lambda found: len(found) == 1)
    person = (await simulator.post("/simulator/people", json={"name": name})).raise_for_status()
    phone = Phone(simulator, person_id=person.json()["id"], number=number["phone_number_id"])
    # The first contact is answered with the welcome message in front.
    await phone.write("Hello")
    await eventually(phone.replies, lambda found: len(found) == 2)
    return phone


async def conversation_of(api: httpx.AsyncClient, phone: Phone) -> str:
    """API path of the phone's conversation, found by what the simulator was told in a send."""
    (callback, *_) = [each["callback_data"] for each in await phone.chat() if each["callback_data"]]
    conversation = callback.partition(".")[0]
    organizations = (await api.get("/v1/organizations")).raise_for_status().json()["items"]
    for organization in organizations:
        path = f"/v1/organizations/{organization['id']}/conversations/{conversation}"
        if (await api.get(path)).is_success:
            return path
    raise LookupError("no organisation has the conversation")


def processes(product: Product, *words: str) -> list[psutil.Process]:
    """Processes of this product whose command line has all of these words."""
    return [
        process
        for process in psutil.Process(product.process_id).children(recursive=True)
        if all(word in " ".join(process.cmdline()) for word in words)
    ]
