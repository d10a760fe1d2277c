"""An instant model and an instant Graph API, so that what is measured is Parley.

Run in a process of its own. `/arrivals/…` tells when a send came in, on the monotonic clock that
all processes of a machine share.

The answer to a message that has a question's number in it, such as `q17-3`, repeats the number.
"""

import asyncio
import hashlib
import json
import math
import re
import sys
import time
from itertools import count
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from domain.memory import NOTES_MARK

DIMENSIONS = 64
SLOW_MODEL = "slow"
SLOW_SECONDS = 0.5
QUESTION_NUMBER = re.compile(r"q\d+-\d+\b")
"""A letter may stand before it: a line break is `\\n` in what a model is given."""

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
    said = _answer(body["messages"])
    chunk = {
        "id": "c", "object": "chat.completion.chunk", "created": 0, "model": body["model"],
        "choices": [{"index": 0, "delta": {"role": "assistant", "content": said},
                     "finish_reason": "stop"}],
    }  # fmt: skip
    usage = {
        **chunk,
        "choices": [],
        "usage": {"prompt_tokens": 900, "completion_tokens": 8, "total_tokens": 908},
    }
    stream = "".join(f"data: {json.dumps(event)}\n\n" for event in (chunk, usage))
    return Response(stream + "data: [DONE]\n\n", media_type="text/event-stream")


def _answer(messages: list[dict[str, Any]]) -> str:
    if str(messages[0]["content"]).startswith(NOTES_MARK):
        return json.dumps({"summary": "They asked when the shop opens.", "facts": []})
    # Behind the passages is what is asked now; what was asked before is not answered again.
    asked = str(messages[-1]["content"]).rpartition("</passages>")[2]
    numbers = dict.fromkeys(QUESTION_NUMBER.findall(asked))
    return " ".join([*numbers, "We open at nine. [1]"])


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


async def gone(_request: Request, _error: Exception) -> Response:
    """Whoever asked was killed meanwhile."""
    return Response(status_code=400)


app = Starlette(
    exception_handlers={ClientDisconnect: gone},
    routes=[
        Route("/{version}/{number}/messages", graph, methods=["POST"]),
        Route("/v1/chat/completions", chat, methods=["POST"]),
        Route("/v1/embeddings", embeddings, methods=["POST"]),
        Route("/arrivals/{person}/{number:int}", arrival),
    ],
)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
