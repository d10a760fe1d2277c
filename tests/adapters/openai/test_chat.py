"""Chat completions of compatible servers, which stream tool calls each in their own way."""

import json
from typing import Any

import pytest

from adapters.openai.chat import CompletionRequest
from adapters.openai.errors import ModelServerError
from domain.model_tools import AssistantTools, ToolCall
from domain.prompt import ChatMessage
from tests.chat_server import ChatServer, Json, models_of

TOOLS = AssistantTools().definitions()


@pytest.fixture
def server() -> ChatServer:
    return ChatServer()


def a_request(**more: Any) -> CompletionRequest:
    messages = [ChatMessage(role="user", content="When do you open?")]
    return CompletionRequest(**{"model": "m", "messages": messages, "tools": TOOLS, **more})


def call(**delta: Any) -> Json:
    return {"tool_calls": [delta]}


async def test_a_text_is_answered_as_text(server: ChatServer) -> None:
    async with models_of(server) as models:
        completion = await models.complete(a_request())

    assert (completion.text, completion.tool_calls) == ("We open at nine.", ())
    assert (completion.model, completion.input_tokens, completion.output_tokens) == ("m-2026", 7, 3)
    assert server.asked[0]["tools"] == TOOLS


async def test_without_tools_none_are_sent(server: ChatServer) -> None:
    async with models_of(server) as models:
        await models.complete(a_request(tools=()))

    assert "tools" not in server.asked[0]


FIRST, SECOND = {"reason": "asked"}, {"body": "Which?"}
TWO_CALLS = (
    ToolCall(name="hand_over_to_human", arguments=json.dumps(FIRST)),
    ToolCall(name="offer_choices", arguments=json.dumps(SECOND)),
)


@pytest.mark.parametrize(
    "deltas",
    [
        pytest.param(
            [
                call(index=0, id="a", function={"name": "hand_over_to_human", "arguments": ""}),
                call(index=0, function={"arguments": '{"reason"'}),
                call(index=0, function={"arguments": ': "asked"}'}),
                call(index=1, id="b", function={"name": "offer_choices", "arguments": ""}),
                call(index=1, function={"arguments": '{"body": "Which?"}'}),
            ],
            id="as OpenAI streams them",
        ),
        pytest.param(
            [
                call(index=0, id="a", function={"name": "hand_over_to_human", "arguments": ""}),
                call(index=1, id="b", function={"name": "offer_choices", "arguments": '{"body"'}),
                call(index=0, function={"arguments": '{"reason": "asked"}'}),
                call(index=1, function={"arguments": ': "Which?"}'}),
            ],
            id="interleaved",
        ),
        pytest.param(
            [
                call(
                    index=0,
                    id="a",
                    function={"name": "hand_over_to_human", "arguments": '{"reason": "asked"}'},
                ),
                call(
                    index=0,
                    id="b",
                    function={"name": "offer_choices", "arguments": '{"body": "Which?"}'},
                ),
            ],
            id="whole calls that all have the same number",
        ),
        pytest.param(
            [
                call(
                    id="",
                    function={"name": "hand_over_to_human", "arguments": '{"reason": "asked"}'},
                ),
                call(id="", function={"name": "offer_choices", "arguments": '{"body": "Which?"}'}),
            ],
            id="without numbers and ids",
        ),
        pytest.param(
            [
                call(id="a", function={"name": "hand_over_to_human", "arguments": '{"reason"'}),
                call(id="a", function={"name": "hand_over_to_human", "arguments": ': "asked"}'}),
                call(id="b", function={"name": "offer_choices", "arguments": '{"body"'}),
                call(id="b", function={"name": "offer_choices", "arguments": ': "Which?"}'}),
            ],
            id="with name and id in each piece",
        ),
    ],
)
async def test_streamed_tool_calls_are_put_together(server: ChatServer, deltas: list[Json]) -> None:
    server.deltas = [{"content": "One moment."}, *deltas]
    heard: list[int] = []

    async with models_of(server) as models:
        completion = await models.complete(a_request(), on_progress=heard.append)

    assert (completion.text, completion.tool_calls) == ("One moment.", TWO_CALLS)
    assert heard == sorted(heard)


async def test_a_call_alone_is_an_answer(server: ChatServer) -> None:
    server.deltas = [call(index=0, id="a", function={"name": "say_unknown", "arguments": "{}"})]

    async with models_of(server) as models:
        completion = await models.complete(a_request())

    assert (completion.text, [one.name for one in completion.tool_calls]) == ("", ["say_unknown"])


async def test_neither_words_nor_calls_are_no_answer(server: ChatServer) -> None:
    server.deltas = [{"content": " "}, {"tool_calls": [{"index": 0, "function": {}}]}, {}]

    async with models_of(server) as models:
        with pytest.raises(ModelServerError, match="empty"):
            await models.complete(a_request())


@pytest.mark.parametrize("arguments", ['{"body": "Which?"}', {"body": "Which?"}])
async def test_an_answer_in_one_piece_has_its_calls_too(server: ChatServer, arguments: Any) -> None:
    function = {"name": "offer_choices", "arguments": arguments}
    message = {"role": "assistant", "content": None, "tool_calls": [{"function": function}]}
    server.whole = {"choices": [{"message": message}], "model": "m-2026"}

    async with models_of(server) as models:
        completion = await models.complete(a_request())

    assert completion.tool_calls == TWO_CALLS[1:]
    assert completion.model == "m-2026"


@pytest.mark.parametrize("status", [400, 404, 422, 501])
async def test_a_server_that_refuses_tools_is_asked_without_and_remembered(
    server: ChatServer, status: int
) -> None:
    server.refuses_tools_with = status

    async with models_of(server) as models:
        completions = [await models.complete(a_request()) for _ in range(2)]
        other = await models.complete(a_request(model="another"))

    assert {one.text for one in [*completions, other]} == {"We open at nine."}
    assert ["tools" in body for body in server.asked] == [True, False, False, True, False]


async def test_a_request_that_fails_either_way_tells_nothing_about_tools(
    server: ChatServer,
) -> None:
    server.refuses_all_with = 400
    async with models_of(server) as models:
        with pytest.raises(ModelServerError) as refused:
            await models.complete(a_request())
        server.refuses_all_with = None
        await models.complete(a_request())

    assert (refused.value.status, refused.value.retryable) == (400, False)
    assert ["tools" in body for body in server.asked] == [True, False, True]


@pytest.mark.parametrize("status", [401, 429, 500])
async def test_other_failures_are_not_about_tools(server: ChatServer, status: int) -> None:
    server.refuses_tools_with = status

    async with models_of(server) as models:
        with pytest.raises(ModelServerError):
            await models.complete(a_request())

    assert len(server.asked) == 1
