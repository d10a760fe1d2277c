"""An instant model and an instant Graph API, so that what is measured is Parley.

Run in a process of its own. `/arrivals/…` tells when a send came in, on the monotonic clock that
all processes of a machine share.
"""

import asyncio
import hashlib
import json
import math
import sys
import time
from itertools import count

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

DIMENSIONS = 64
SLOW_MODEL = "slow"
SLOW_SECONDS = 0.5

_arrivals: dict[str, list[float]] = {}
_arrived = asyncio.Condition()
_numbers = count()


async def graph(request: Request) -> Response:
    arrived = time.monotonic()
    body = await request.json()
    if "status" in body:
        return JSONResponse({"success": True})
    async with _arrived:
        _arrivals.setdefault(body["to"].removeprefix("+"), []).append(arrived)
        _arrived.notify_all()
    wamid = f"wamid.bench{next(_numbers)}"
    return JSONResponse(
        {
            "messaging_product": "whatsapp",
            "contacts": [{"input": body["to"], "wa_id": body["to"].removeprefix("+")}],
            "messages": [{"id": wamid}],
        }
    )


async def arrival(request: Request) -> Response:
    """When the n-th send to a person came in; waits for it."""
    person, number = request.path_params["person"], request.path_params["number"]
    async with _arrived:
        await _arrived.wait_for(lambda: len(_arrivals.get(person, [])) >= number)
    return JSONResponse(_arrivals[person][number - 1])


async def chat(request: Request) -> Response:
    body = await request.json()
    if body["model"] == SLOW_MODEL:
        await asyncio.sleep(SLOW_SECONDS)
    chunk = {
        "id": "c", "object": "chat.completion.chunk", "created": 0, "model": body["model"],
        "choices": [{"index": 0, "delta": {"role": "assistant", "content": "We open at nine. [1]"},
                     "finish_reason": "stop"}],
    }  # fmt: skip
    usage = {
        **chunk,
        "choices": [],
        "usage": {"prompt_tokens": 900, "completion_tokens": 8, "total_tokens": 908},
    }
    stream = "".join(f"data: {json.dumps(event)}\n\n" for event in (chunk, usage))
    return Response(stream + "data: [DONE]\n\n", media_type="text/event-stream")


async def embeddings(request: Request) -> Response:
    body = await request.json()
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    data = [
        {"object": "embedding", "index": index, "embedding": _vector(text)}
        for index, text in enumerate(texts)
    ]
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return JSONResponse({"object": "list", "data": data, "model": body["model"], "usage": usage})


def _vector(text: str) -> list[float]:
    digest = hashlib.sha512(text.encode()).digest()
    raw = [byte - 127.5 for byte in digest[:DIMENSIONS]]
    length = math.sqrt(sum(value * value for value in raw))
    return [value / length for value in raw]


app = Starlette(
    routes=[
        Route("/{version}/{number}/messages", graph, methods=["POST"]),
        Route("/v1/chat/completions", chat, methods=["POST"]),
        Route("/v1/embeddings", embeddings, methods=["POST"]),
        Route("/arrivals/{person}/{number:int}", arrival),
    ]
)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
