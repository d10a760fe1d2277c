"""Whatever the Graph API answers, it can be stored and shown, and gives no secret away."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.whatsapp.client import GraphClient
from adapters.whatsapp.verification import Claim, verify_number
from domain.channel_verification import Verification

TOKEN = "EAAGm0PX4ZCpsBO"
CLAIM = Claim("106540352242922", "102290129340398", "+1 555 078 3881", TOKEN)
CONFIRMED: dict[str, Any] = {
    "id": CLAIM.phone_number_id,
    "display_phone_number": CLAIM.display_phone_number,
    "verified_name": "Blue Door Bakery",
    "quality_rating": "GREEN",
    "platform_type": "CLOUD_API",
}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["\x00", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
ANSWERS = st.fixed_dictionaries(
    {},
    optional={
        "data": JSON,
        "paging": JSON,
        "error": st.fixed_dictionaries({}, optional={"code": JSON, "message": JSON}) | JSON,
        "display_phone_number": JSON,
        "verified_name": JSON | st.text(min_size=1000, max_size=2000),
        "platform_type": JSON,
    },
)


async def verified_by(answer: httpx.MockTransport, *, seconds: float = 2) -> Verification:
    async with httpx.AsyncClient(transport=answer, trust_env=False) as http:
        graph = GraphClient(http, base_url="https://graph.example", version="v24.0")
        return await verify_number(graph, CLAIM, seconds=seconds)


def answering(**answers: Any) -> httpx.MockTransport:
    """Each by the last part of its path; a number that Meta confirms unless told otherwise."""
    told: dict[str, Any] = {
        CLAIM.phone_number_id: CONFIRMED,
        "phone_numbers": {"data": [{"id": CLAIM.phone_number_id}]},
        "subscribed_apps": {"success": True, "data": [{"whatsapp_business_api_data": {}}]},
    } | answers

    async def answer(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.001)  # as every network does, it gives others a turn
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        assert TOKEN not in str(request.url)
        status, body = 200, told[request.url.path.rpartition("/")[2]]
        if isinstance(body, tuple):
            status, body = body
        # In ASCII: a lone surrogate comes as its escape.
        return httpx.Response(status, content=json.dumps(body))

    return httpx.MockTransport(answer)


async def test_a_confirmed_number() -> None:
    verification = await verified_by(answering())
    assert (verification.status, verification.subscribed) == ("verified", True)
    assert verification.problems == []


@pytest.mark.parametrize("code", [190, 100, 10, 999])
async def test_metas_own_words_which_may_quote_the_token_are_not_passed_on(code: int) -> None:
    error = {"message": f"Malformed access token {TOKEN}", "code": code}
    refusal = (400, {"error": error | {"error_data": {"details": f"Bearer {TOKEN}"}}})
    verification = await verified_by(
        answering(**{CLAIM.phone_number_id: refusal, "phone_numbers": refusal})
    )
    assert verification.status == "failed"
    assert verification.problems
    assert TOKEN not in verification.model_dump_json()


async def test_a_subscription_that_meta_does_not_list_is_told() -> None:
    verification = await verified_by(answering(subscribed_apps={"success": True, "data": []}))
    assert (verification.status, verification.subscribed) == ("failed", False)
    assert [problem.code for problem in verification.problems] == ["not_subscribed"]


async def test_a_refused_subscription_is_told() -> None:
    refusal = (403, {"error": {"message": "no", "code": 200}})
    verification = await verified_by(answering(subscribed_apps=refusal))
    assert verification.subscribed is False
    assert [problem.code for problem in verification.problems] == ["permission_missing"]


async def test_pages_that_never_end_do_not_take_more_than_the_time_there_is() -> None:
    page = {"data": [{"id": "1"}], "paging": {"next": "x", "cursors": {"after": "same"}}}
    verification = await verified_by(answering(phone_numbers=page), seconds=0.2)
    assert verification.status == "unreachable"
    assert verification.verified_name == "Blue Door Bakery"


@settings(max_examples=40, deadline=None)
@given(
    number=ANSWERS,
    numbers=ANSWERS,
    apps=ANSWERS,
    status=st.sampled_from([200, 200, 200, 302, 400, 401, 404, 429, 500, 503]),
)
async def test_whatever_graph_answers_can_be_stored_and_shown(
    number: Any, numbers: Any, apps: Any, status: int
) -> None:
    told = {
        CLAIM.phone_number_id: (status, number),
        "phone_numbers": (200, {"data": [{"id": CLAIM.phone_number_id}]} | numbers),
        "subscribed_apps": (200, apps),
    }
    verification = await verified_by(answering(**told), seconds=0.2)
    stored = json.dumps(verification.model_dump(mode="json"), ensure_ascii=False)
    # What jsonb refuses.
    assert "\\u0000" not in stored
    assert stored.encode()
    assert len(stored) < 10_000
    assert Verification.model_validate_json(stored) == verification
    assert (verification.status == "verified") == (not verification.problems)
    assert all(problem.detail for problem in verification.problems)
