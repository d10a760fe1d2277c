"""The same product on a model server and a Graph API that are not its own."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import psutil
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bench.deliveries import delivery, post
from bench.tenant import make_channels
from local.product import Product, running_product
from tests.e2e.phone import eventually, processes
from tests.embedding_server import EmbeddingServer
from tests.http_server import serving
from tests.servers import make_directory

NUMBER = "77001"


class Outside:
    """A model server and a Graph API in one: remembers what it was asked and what it sent."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.prompts: list[dict[str, Any]] = []
        self.model_is_down = False
        self.held = asyncio.Event()
        self.held.set()
        self.application = Starlette(
            routes=[
                Route("/{version}/{number}/messages", self.messages, methods=["POST"]),
                Route("/v1/chat/completions", self.chat, methods=["POST"]),
            ]
        )
        self.application.mount("/", EmbeddingServer().application)

    async def messages(self, request: Request) -> Response:
        body = await request.json()
        if "status" in body:
            return JSONResponse({"success": True})
        self.sent.append(body)
        wamid = f"wamid.out{len(self.sent)}"
        return JSONResponse({"messaging_product": "whatsapp", "messages": [{"id": wamid}]})

    async def chat(self, request: Request) -> Response:
        """Answers in one piece, although it is asked to stream, as some servers do."""
        self.prompts.append(await request.json())
        await self.held.wait()
        if self.model_is_down:
            return JSONResponse({"error": {"message": "down"}}, status_code=400)
        message = {"role": "assistant", "content": "We open at **nine**. [1]"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return JSONResponse(
            {
                "id": "c",
                "object": "chat.completion",
                "created": 0,
                "model": "m",
                "choices": [choice],
            }
        )

    def texts_to(self, wa_id: str) -> list[str]:
        return [body["text"]["body"] for body in self.sent if body["to"] == f"+{wa_id}"]


@pytest.fixture(scope="module")
async def outside() -> AsyncIterator[tuple[Outside, str]]:
    servers = Outside()
    async with serving(servers.application) as url:
        yield servers, url


@pytest.fixture(scope="module")
def environment(outside: tuple[Outside, str]) -> dict[str, str]:
    _, url = outside
    return {
        "OPENAI_BASE_URL": f"{url}/v1",
        "OPENAI_API_KEY": "sk-test",
        "PARLEY_CHAT_MODEL": "some-model",
        "PARLEY_EMBEDDING_MODEL": "test-embedding",
        "WHATSAPP_GRAPH_URL": url,
        "PARLEY_UNCERTAIN_SEND_SECONDS": "1",
        "PARLEY_ADMIN_KEY": "an admin key that outlives the product",
        "WHATSAPP_APP_SECRET": "an app secret that outlives it too",
    }


async def write(product: Product, wa_id: str, text: str) -> None:
    async with aiohttp.ClientSession() as session:
        asked = delivery(
            phone_number_id=NUMBER, wa_id=wa_id, text=text, app_secret=product.app_secret
        )
        await post(session, product.webhook_url, asked)


@pytest.mark.timeout(300)
async def test_a_conversation_on_outside_servers_survives_the_end_of_everything_else(
    outside: tuple[Outside, str], environment: dict[str, str]
) -> None:
    servers, _ = outside
    data_dir = make_directory() / "data"
    async with running_product(data_dir, environment=environment) as product:
        assert not processes(product, "local.model")
        assert not processes(product, "local.simulator")
        await make_channels(product, debounces={NUMBER: 0.2})
        await _is_answered(product, servers)
        await _falls_back_when_the_model_fails(product, servers)
        servers.held.clear()
        await write(product, "34600000003", "Are you there?")
        prompted = len(servers.prompts)
        await eventually(_find(servers.prompts), lambda found: len(found) >= prompted)
        _kill_everything(product)
    servers.held.set()
    assert not servers.texts_to("34600000003")
    async with running_product(data_dir, environment=environment) as product:
        texts = _find_texts(servers, "34600000003")
        await eventually(texts, lambda found: len(found) == 1, within=120)
        await write(product, "34600000003", "And now?")
        await eventually(texts, lambda found: len(found) == 2)


async def _is_answered(product: Product, servers: Outside) -> None:
    await write(product, "34600000001", "When do you open?")
    texts = await eventually(_find_texts(servers, "34600000001"), lambda found: len(found) == 1)
    assert texts[0].startswith("We open at *nine*.")
    assert "Opening hours" in texts[0]
    prompt = json.dumps(servers.prompts[-1]["messages"])
    assert servers.prompts[-1]["model"] == "some-model"
    assert "When do you open?" in prompt
    assert "We open at nine and close at six" in prompt


async def _falls_back_when_the_model_fails(product: Product, servers: Outside) -> None:
    servers.model_is_down = True
    await write(product, "34600000002", "When do you open?")
    texts = await eventually(_find_texts(servers, "34600000002"), lambda found: len(found) == 1)
    assert texts[0].startswith("Sorry")
    servers.model_is_down = False


def _find(things: list[Any]) -> Any:
    async def find() -> list[Any]:
        return things

    return find


def _find_texts(servers: Outside, wa_id: str) -> Any:
    async def find() -> list[str]:
        return servers.texts_to(wa_id)

    return find


def _kill_everything(product: Product) -> None:
    """`kill -9` of `parley run` itself: its parts go with it."""
    root = psutil.Process(product.process_id)
    parts = root.children(recursive=True)
    root.kill()
    psutil.wait_procs([root, *parts], timeout=30)
    assert not [part for part in parts if part.is_running()]
