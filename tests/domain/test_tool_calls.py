"""A model's tool calls, from sensible to broken: the turn gets an answer out of each."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.model_tools import AssistantTools, ToolCall
from domain.reply_contents import reply_contents
from domain.tool_calls import (
    ChoicesOffer,
    LinkOffer,
    LocationOffer,
    ModelAnswer,
    Option,
    read_tool_calls,
)

ALL = AssistantTools(links=True)
NONE = AssistantTools.of(["none"], {})
SIZES = [{"title": "Small"}, {"title": "Large"}]
TWO = (Option(title="Small"), Option(title="Large"))


def call(name: str, arguments: Any = None) -> ToolCall:
    written = arguments if isinstance(arguments, str) else json.dumps(arguments or {})
    return ToolCall(name=name, arguments=written)


def read(
    text: str = "", *calls: ToolCall, tools: AssistantTools = ALL, sources: tuple[str, ...] = ()
) -> ModelAnswer:
    return read_tool_calls(text, calls, tools=tools, sources=sources)


def test_an_assistant_has_all_tools_but_links_unless_its_settings_name_some() -> None:
    assert AssistantTools.of([], {}) == AssistantTools()
    assert not AssistantTools().links
    assert AssistantTools.of([{"type": "http"}], {}) == AssistantTools()
    only = AssistantTools.of(["links", "choices", "unheard-of"], {})
    assert [one["function"]["name"] for one in only.definitions()] == ["offer_choices", "send_link"]
    assert NONE.definitions() == []


@pytest.mark.parametrize("settings", [{"enabled": False}, {"model": False}])
def test_a_model_hands_over_only_where_the_settings_let_it(settings: dict[str, Any]) -> None:
    tools = AssistantTools.of(["handoff", "choices"], settings)

    assert (tools.handoff, tools.choices) == (False, True)
    assert not read("Hi", call("hand_over_to_human"), tools=tools).handoff


def test_choices_go_with_their_question() -> None:
    answer = read("", call("offer_choices", {"body": "Which size?", "options": SIZES}))

    assert answer == ModelAnswer(text="Which size?", offer=ChoicesOffer(options=TWO))


@pytest.mark.parametrize(
    ("text", "body", "whole"),
    [
        ("Which size?", "Which size?", "Which size?"),
        ("We have two. Which size?", "Which size?", "We have two. Which size?"),
        ("Which size?", "We have two. Which size?", "We have two. Which size?"),
        ("We have two.", "Which size?", "We have two.\n\nWhich size?"),
        ("We have two.", None, "We have two."),
    ],
)
def test_what_is_written_beside_a_call_is_said_once(text: str, body: Any, whole: str) -> None:
    answer = read(text, call("offer_choices", {"body": body, "options": SIZES}))

    assert answer.text == whole
    assert answer.offer


def test_options_may_be_plain_and_repeated_and_in_markdown() -> None:
    options = ["**Small**", "small", {"title": "Large\n", "description": ""}, 7, {"name": "x"}, ""]

    answer = read("Which?", call("offer_choices", {"options": options}))

    assert answer.offer == ChoicesOffer(options=(Option(title="Small"), Option(title="Large")))


@pytest.mark.parametrize(
    ("options", "listed"),
    [
        ([{"title": "Small", "description": "6 slices"}], "Which?\n\n- Small: 6 slices"),
        ([f"{n}" for n in range(11)], "Which?\n\n" + "\n".join(f"- {n}" for n in range(11))),
        ("Small", "Which?"),
        (None, "Which?"),
    ],
)
def test_options_that_are_too_few_or_too_many_are_text(options: Any, listed: str) -> None:
    answer = read("", call("offer_choices", {"body": "Which?", "options": options}))

    assert answer == ModelAnswer(text=listed)


@pytest.mark.parametrize(
    "arguments", ["", "null", "[]", "{", "no json", '"Which?"', '{"body": 7}', '{"body": ["a"]}']
)
@pytest.mark.parametrize("name", ["offer_choices", "send_link", "request_location", "made_up"])
def test_a_malformed_call_leaves_the_text(name: str, arguments: str) -> None:
    answer = read("We open at nine.", call(name, arguments))

    assert answer.text == "We open at nine."
    assert isinstance(answer.offer, LocationOffer | None)


def test_a_call_that_was_cut_short_keeps_its_words() -> None:
    answer = read("", call("offer_choices", '{"body": "Which size would you li'))

    assert answer == ModelAnswer(text="Which size would you li")


def test_a_tool_that_was_not_offered_leaves_its_words() -> None:
    choices = call("offer_choices", {"body": "Which size?", "options": SIZES})
    unknown = call("say_unknown", {"text": "I do not know."})

    assert read("", choices, tools=NONE).text == "Which size?\n\n- Small\n- Large"
    assert read("", unknown, tools=NONE) == ModelAnswer(text="I do not know.")
    assert read("", call("request_location", {"body": "Where?"}), tools=NONE).offer is None


def test_not_to_know_is_an_answer_that_says_so() -> None:
    answer = read("", call("say_unknown", {"text": "I cannot find that."}))

    assert answer == ModelAnswer(text="I cannot find that.", answered=False)


def test_a_handoff_has_no_offers_beside_it() -> None:
    answer = read(
        "A colleague will answer.",
        call("offer_choices", {"body": "Which size?", "options": SIZES}),
        call("hand_over_to_human", "broken"),
    )

    assert answer.handoff
    assert answer.offer is None
    assert answer.text == "A colleague will answer.\n\nWhich size?\n\n- Small\n- Large"


def test_the_first_of_several_offers_counts() -> None:
    answer = read(
        "",
        call("request_location", {"body": "Where are you?"}),
        call("offer_choices", {"body": "Which?", "options": SIZES}),
    )

    assert answer.offer == LocationOffer()
    assert answer.text == "Where are you?\n\nWhich?\n\n- Small\n- Large"


PASSAGE = "Pay at https://shop.example/pay?id=1. See also (https://shop.example/help), or ask."


@pytest.mark.parametrize("url", ["https://shop.example/pay?id=1", "https://shop.example/help"])
def test_a_link_of_a_passage_is_sent(url: str) -> None:
    arguments = {"body": "Pay here", "title": "Pay", "url": url}

    answer = read("", call("send_link", arguments), sources=("nothing", PASSAGE))

    assert answer == ModelAnswer(text="Pay here", offer=LinkOffer(title="Pay", url=url))


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/pay?id=1",
        "https://shop.example/pay",
        "https://shop.example",
        "https://shop.example/pay?id=12",
        "shop.example/help",
        "javascript:alert(1)",
        "",
        None,
    ],
)
def test_a_link_from_nowhere_is_not_sent(url: Any) -> None:
    arguments = {"body": "Pay here", "title": "Pay", "url": url}

    assert read("", call("send_link", arguments), sources=(PASSAGE,)) == ModelAnswer(
        text="Pay here"
    )


def test_choices_that_a_model_writes_as_the_transcript_shows_them_are_meant() -> None:
    written = "Which size?\n[choice: Small]\n[choice: Large]"

    assert read(written) == ModelAnswer(text="Which size?", offer=ChoicesOffer(options=TWO))
    assert read(written, tools=NONE).text == "Which size?\n\n- Small\n- Large"


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=12) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
_OPTIONS = st.lists(
    st.text() | st.fixed_dictionaries({"title": st.text(max_size=60), "description": _ANYTHING}),
    max_size=12,
)
_ARGUMENTS = st.text() | st.fixed_dictionaries(
    {
        "body": _ANYTHING | st.text(min_size=900, max_size=1300),
        "options": _OPTIONS | _ANYTHING,
        "button": _ANYTHING,
        "title": _ANYTHING,
        "text": _ANYTHING,
        "url": st.just("https://shop.example/help") | _ANYTHING,
    }
).map(json.dumps)
_CALLS = st.lists(
    st.builds(
        ToolCall,
        name=st.sampled_from(
            ["offer_choices", "request_location", "send_link", "say_unknown", "hand_over_to_human"]
        )
        | st.text(),
        arguments=_ARGUMENTS,
    ),
    max_size=3,
)


@given(text=st.text(min_size=1), calls=_CALLS)
@settings(max_examples=400, deadline=None)
def test_whatever_a_model_calls_there_is_an_answer_within_the_limits(
    text: str, calls: list[ToolCall]
) -> None:
    answer = read_tool_calls(f"At nine. {text}", calls, tools=ALL, sources=[PASSAGE])

    contents = reply_contents(answer.text, answer.offer)

    assert contents
    assert (contents[-1].type == "text") == (answer.offer is None)
