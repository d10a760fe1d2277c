"""What the API says of a channel after asking the Graph API, which here is the simulator's."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from adapters.postgres import audit_log, channels
from adapters.whatsapp.client import GraphClient
from adapters.whatsapp.verification import Claim, verify_number
from api.app import create_app
from contracts.ids import OrganizationId
from local.ports import free_port
from settings import Settings
from tests.api.conftest import Organization, check_problem
from tests.simulator.stage import WABA_ID, Stage, staged

TOKEN = "EAAGm0PX4ZCpsBO-of-these-tests"
DISPLAYED = "+1 555 078 3881"


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with staged(tmp_path_factory.mktemp("graph") / "simulator") as stage:
        yield stage


@pytest.fixture(scope="module")
def settings(settings: Settings, stage: Stage) -> Settings:
    return settings.model_copy(update={"whatsapp_graph_url": stage.url})


@pytest.fixture
async def number(stage: Stage) -> AsyncIterator[str]:
    """Id of a number of the account that the token may act for."""
    phone_number_id = str(uuid4().int)[:15]
    await stage.put_number(phone_number_id, access_token=TOKEN)
    yield phone_number_id
    await stage.http.delete("/simulator/faults")


def body(number: str, **fields: Any) -> dict[str, Any]:
    return {
        "phone_number_id": number,
        "waba_id": WABA_ID,
        "display_phone_number": DISPLAYED,
        "access_token": TOKEN,
    } | fields


async def connect_number(ours: Organization, number: str, **fields: Any) -> dict[str, Any]:
    response = await ours.admin.post(f"{ours.path}/channels", json=body(number, **fields))
    assert response.status_code == 201, response.text
    assert TOKEN not in response.text
    channel: dict[str, Any] = response.json()
    return channel


def problems(channel: dict[str, Any]) -> list[tuple[str | None, str, int | None]]:
    """Field, code and Meta's code of each; all of them say something."""
    found = channel["verification"]["problems"]
    assert all(len(problem["detail"]) > 40 for problem in found)
    return [(problem["field"], problem["code"], problem["meta_code"]) for problem in found]


async def is_subscribed(stage: Stage) -> bool:
    return bool((await stage.graph("GET", f"{WABA_ID}/subscribed_apps")).json()["data"])


async def test_a_number_that_meta_confirms_is_verified_and_subscribed(
    ours: Organization, stage: Stage, number: str
) -> None:
    await stage.graph("DELETE", f"{WABA_ID}/subscribed_apps")
    before = datetime.now(UTC)
    channel = await connect_number(ours, number, display_phone_number="+1 (555) 078-3881")
    verification = channel["verification"]
    checked_at = datetime.fromisoformat(verification.pop("checked_at"))
    assert before <= checked_at <= datetime.now(UTC)
    assert verification == {
        "status": "verified",
        "subscribed": True,
        "display_phone_number": DISPLAYED,
        "verified_name": "Blue Door Bakery",
        "quality_rating": "GREEN",
        "problems": [],
    }
    assert await is_subscribed(stage)
    shown = (await ours.viewer.get(f"{ours.path}/channels/{channel['id']}")).json()
    assert shown["verification"] == channel["verification"] | {
        "checked_at": shown["verification"]["checked_at"]
    }


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"access_token": "EAAG-nobody-has-this"}, ("access_token", "token_invalid", 190)),
        ({"waba_id": "1"}, ("waba_id", "account_unknown", 100)),
        (
            {"display_phone_number": "+1 555 078 3882"},
            ("display_phone_number", "display_phone_number_differs", None),
        ),
        ({"phone_number_id": "1"}, ("phone_number_id", "number_unknown", 100)),
    ],
    ids=["token", "account", "display number", "number"],
)
async def test_what_meta_does_not_confirm_is_told_and_connected_all_the_same(
    ours: Organization,
    number: str,
    fields: dict[str, str],
    expected: tuple[str, str, int | None],
) -> None:
    channel = await connect_number(ours, number, **fields)
    path = f"{ours.path}/channels/{channel['id']}"
    assert channel["verification"]["status"] == "failed"
    assert problems(channel) == [expected]
    # What the administrator wrote stays.
    assert {name: channel.get(name, value) for name, value in fields.items()} == fields
    assert (await ours.viewer.get(path)).json()["verification"]["status"] == "failed"
    assert (await ours.admin.delete(path)).status_code == 204


async def test_a_number_of_another_account_is_not_subscribed_to(
    ours: Organization, stage: Stage, number: str
) -> None:
    await stage.put_number(number, waba_id="55", access_token=TOKEN)
    channel = await connect_number(ours, number)
    assert problems(channel) == [("waba_id", "number_of_another_account", None)]
    assert channel["verification"]["subscribed"] is False
    assert channel["verification"]["verified_name"] == "Blue Door Bakery"


async def test_a_number_outside_the_cloud_api_is_told(
    ours: Organization, stage: Stage, number: str
) -> None:
    await stage.put_number(number, platform_type="NOT_APPLICABLE", access_token=TOKEN)
    channel = await connect_number(ours, number)
    assert problems(channel) == [("phone_number_id", "number_not_registered", None)]


@pytest.mark.parametrize(
    ("meta_code", "status", "field", "code"),
    [
        (10, "failed", "access_token", "permission_missing"),
        (200, "failed", "access_token", "permission_missing"),
        (368, "failed", "waba_id", "account_restricted"),
        (80007, "unreachable", None, "rate_limited"),
        (2, "unreachable", None, "unreachable"),
        (131000, "unreachable", None, "unreachable"),
    ],
)
async def test_every_refusal_says_what_to_do(
    ours: Organization,
    stage: Stage,
    number: str,
    meta_code: int,
    status: str,
    field: str | None,
    code: str,
) -> None:
    await stage.put_faults({"effect": "account_error", "code": meta_code})
    channel = await connect_number(ours, number)
    assert channel["verification"]["status"] == status
    assert problems(channel) == [(field, code, meta_code)]


async def test_a_code_that_nobody_knows_is_quoted(
    ours: Organization, stage: Stage, number: str
) -> None:
    await stage.put_faults({"effect": "account_error", "code": 424242, "count": 2})
    verification = (await connect_number(ours, number))["verification"]
    assert {problem["code"] for problem in verification["problems"]} == {"refused"}
    assert all("424242" in problem["detail"] for problem in verification["problems"])


async def test_silence_is_waited_for_a_few_seconds_and_no_longer(
    ours: Organization, stage: Stage, number: str
) -> None:
    await stage.put_faults({"effect": "account_silence", "seconds": 60})
    started = time.monotonic()
    channel = await connect_number(ours, number)
    assert time.monotonic() - started < 8
    assert channel["verification"]["status"] == "unreachable"
    assert problems(channel) == [(None, "unreachable", None)]

    await stage.http.delete("/simulator/faults")
    verify = f"{ours.path}/channels/{channel['id']}/verify"
    verified = await ours.admin.post(verify)
    assert verified.status_code == 200
    assert verified.json()["verification"]["status"] == "verified"


async def test_what_was_learnt_before_the_time_was_up_is_told(stage: Stage, number: str) -> None:
    await stage.put_faults(
        {"effect": "account_error", "code": 10, "count": 1},
        {"effect": "account_silence", "seconds": 60},
    )
    async with httpx.AsyncClient() as http:
        graph = GraphClient(http, base_url=stage.url, version="v24.0")
        claim = Claim(number, WABA_ID, DISPLAYED, TOKEN)
        verification = await verify_number(graph, claim, seconds=0.5)
    assert verification.status == "failed"
    assert {problem.code for problem in verification.problems} == {
        "permission_missing",
        "unreachable",
    }
    assert TOKEN not in repr(claim)


async def test_nobody_at_the_graph_apis_address(stage: Stage, number: str) -> None:
    async with httpx.AsyncClient() as http:
        nowhere = f"http://127.0.0.1:{free_port()}"
        graph = GraphClient(http, base_url=nowhere, version="v24.0")
        claim = Claim(number, WABA_ID, DISPLAYED, TOKEN)
        assert (await verify_number(graph, claim)).status == "unreachable"
        not_graph = GraphClient(http, base_url=f"{stage.url}/static", version="none")
        assert (await verify_number(not_graph, claim)).status == "failed"


async def test_a_number_is_found_in_a_large_account(stage: Stage, number: str) -> None:
    for _ in range(3):
        await stage.put_number(str(uuid4().int)[:15], waba_id="77", access_token=TOKEN)
    await stage.put_number(number, waba_id="77", access_token=TOKEN)
    async with httpx.AsyncClient() as http:
        graph = GraphClient(http, base_url=stage.url, version="v24.0")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("adapters.whatsapp.client.NUMBERS_PER_PAGE", 2)
            listed = [each async for each in graph.account_numbers("77", TOKEN)]
    assert len(set(listed)) == len(listed) == 4
    assert number in listed


async def test_a_change_asks_again_and_another_one_does_not(
    ours: Organization, number: str
) -> None:
    channel = await connect_number(ours, number, access_token="expired")
    path = f"{ours.path}/channels/{channel['id']}"
    changed = (await ours.admin.patch(path, json={"access_token": TOKEN})).json()
    assert changed["verification"]["status"] == "verified"
    wrong = (await ours.admin.patch(path, json={"waba_id": "1"})).json()
    assert problems(wrong) == [("waba_id", "account_unknown", 100)]
    other = (await ours.admin.patch(path, json={"verify_token": "a word"})).json()
    assert other["verification"] == wrong["verification"]


async def test_asking_meta_is_no_change_of_the_channel(
    ours: Organization, app: FastAPI, number: str
) -> None:
    channel = await connect_number(ours, number)
    path = f"{ours.path}/channels/{channel['id']}"

    async def revision() -> int:
        async with app.state.services.database.platform() as session:
            connection = await session.connection()
            found = await connection.scalar(
                text("SELECT revision FROM channels WHERE id = :id"), {"id": channel["id"]}
            )
        return int(found)

    before = await revision()
    verified = (await ours.admin.post(f"{path}/verify")).json()
    assert verified["verification"]["checked_at"] > channel["verification"]["checked_at"]
    assert verified["updated_at"] == channel["updated_at"]
    assert await revision() == before


async def test_an_answer_about_what_has_been_changed_meanwhile_is_dropped(
    ours: Organization, stage: Stage, number: str
) -> None:
    channel = await connect_number(ours, number)
    path = f"{ours.path}/channels/{channel['id']}"
    await stage.put_faults({"effect": "account_silence", "seconds": 1, "count": 2})
    slow = asyncio.create_task(ours.admin.post(f"{path}/verify"))
    async with asyncio.timeout(5):
        while sum(r["hits"] for r in await _rules(stage)) < 2:  # noqa: ASYNC110 - behind HTTP
            await asyncio.sleep(0.01)
    changed = await ours.admin.patch(path, json={"access_token": "expired"})
    assert problems(changed.json()) == [("access_token", "token_invalid", 190)]
    assert (await slow).json()["verification"] == changed.json()["verification"]
    shown = (await ours.viewer.get(path)).json()
    assert shown["verification"] == changed.json()["verification"]


async def _rules(stage: Stage) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = (await stage.http.get("/simulator/faults")).json()["rules"]
    return rules


async def test_no_transaction_is_open_while_meta_is_asked(
    ours: Organization, app: FastAPI, stage: Stage, number: str
) -> None:
    await stage.put_faults({"effect": "account_silence", "seconds": 60})
    asking = asyncio.create_task(connect_number(ours, number))
    async with asyncio.timeout(5):
        while not any(r["hits"] for r in await _rules(stage)):  # noqa: ASYNC110 - behind HTTP
            await asyncio.sleep(0.01)
    assert app.state.services.database.engine.pool.checkedout() == 0
    await stage.http.delete("/simulator/faults")
    await asking


async def test_a_token_that_no_key_opens_is_told(
    ours: Organization, app: FastAPI, number: str
) -> None:
    channel = await connect_number(ours, number)
    path = f"{ours.path}/channels/{channel['id']}"
    async with app.state.services.database.platform() as session:
        connection = await session.connection()
        await connection.execute(
            text("UPDATE channels SET access_token_encrypted = '\\x00' WHERE id = :id"),
            {"id": channel["id"]},
        )
    told = (await ours.admin.post(f"{path}/verify")).json()
    assert problems(told) == [("access_token", "token_unreadable", None)]
    mended = (await ours.admin.patch(path, json={"access_token": TOKEN})).json()
    assert mended["verification"]["status"] == "verified"


async def test_only_an_administrator_of_the_organization_may_ask(
    ours: Organization, theirs: Organization, number: str
) -> None:
    channel = await connect_number(ours, number)
    for action in ("verify", "verify-token"):
        path = f"/channels/{channel['id']}/{action}"
        check_problem(await ours.operator.post(ours.path + path), 403)
        check_problem(await theirs.admin.post(ours.path + path), 404)
        check_problem(await theirs.admin.post(theirs.path + path), 404)


async def test_the_audit_log_tells_who_asked_and_who_made_a_token(
    ours: Organization, app: FastAPI, number: str
) -> None:
    channel = await connect_number(ours, number, access_token="expired")
    path = f"{ours.path}/channels/{channel['id']}"
    verified = (await ours.admin.post(f"{path}/verify")).json()
    token = (await ours.admin.post(f"{path}/verify-token")).json()["verify_token"]
    organization = OrganizationId(ours.id)
    async with app.state.services.database.tenant(organization) as session:
        page = await audit_log.page(
            session, organization_id=organization, resource_id=channel["id"], limit=9, cursor=None
        )
    made, asked = [
        entry
        for entry in page.items
        if entry.action in ("channel.verify", "channel.make_verify_token")
    ]
    assert (asked.action, asked.resource_type, asked.role) == ("channel.verify", "channel", "admin")
    assert asked.before == {"verification": channel["verification"]}
    assert asked.after == {"verification": verified["verification"]}
    assert (made.action, made.after) == (
        "channel.make_verify_token",
        {"verify_token": "changed"},
    )
    assert token not in f"{made}"


@pytest.mark.parametrize("token", ["naïve", "line\nbreak", "nul\x00"])
async def test_a_token_that_fits_no_header_is_refused(ours: Organization, token: str) -> None:
    response = await ours.admin.post(f"{ours.path}/channels", json=body("1", access_token=token))
    check_problem(response, 422)


async def test_a_verify_token_is_made_for_an_app_of_its_own_and_shown_once(
    ours: Organization, number: str, stranger: httpx.AsyncClient
) -> None:
    channel = await connect_number(ours, number, app_secret="the secret of an own app")
    path = f"{ours.path}/channels/{channel['id']}"
    token = channel["verify_token"]
    assert len(token) >= 32
    webhook = httpx.URL(channel["webhook_url"]).path
    assert await _handshake(stranger, webhook, token) == 200
    assert await _handshake(stranger, webhook, "another") == 403
    for answer in (
        await ours.admin.get(path),
        await ours.admin.get(f"{ours.path}/channels"),
        await ours.admin.patch(path, json={"assistant_id": None}),
        await ours.admin.post(f"{path}/verify"),
    ):
        assert answer.status_code == 200
        assert token not in answer.text
        assert '"verify_token"' not in answer.text

    renewed = await ours.admin.post(f"{path}/verify-token")
    assert renewed.status_code == 201
    new = renewed.json()["verify_token"]
    assert new != token
    assert renewed.json()["webhook_url"] == channel["webhook_url"]
    async with asyncio.timeout(2):
        while await _handshake(stranger, webhook, new) != 200:  # noqa: ASYNC110 - behind HTTP
            await asyncio.sleep(0.01)
    assert await _handshake(stranger, webhook, token) == 403
    assert new not in (await ours.admin.get(path)).text


async def test_a_verify_token_that_was_given_is_not_shown(
    ours: Organization, stage: Stage, number: str
) -> None:
    own = await connect_number(ours, number, app_secret="own", verify_token="a word of mine")
    assert own["verify_token"] is None
    other = str(uuid4().int)[:15]
    await stage.put_number(other, access_token=TOKEN)
    of_the_platform = await connect_number(ours, other)
    assert of_the_platform["verify_token"] is None
    assert of_the_platform["has_verify_token"] is False


@contextmanager
def no_database_after_meta_answered() -> Iterator[None]:
    """PostgreSQL goes away between the change of a channel and what Meta says of it."""

    async def down(*_arguments: object, **_options: object) -> None:
        raise OperationalError("UPDATE", {}, ConnectionResetError())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(channels, "set_verification", down)
        yield


async def test_a_channel_is_made_and_told_so_when_its_verification_cannot_be_kept(
    ours: Organization, number: str
) -> None:
    with no_database_after_meta_answered():
        made = await connect_number(ours, number, app_secret="own")
    assert made["verify_token"]
    assert made["verification"]["status"] == "unverified"
    path = f"{ours.path}/channels/{made['id']}"
    assert (await ours.admin.get(path)).json()["verification"] == made["verification"]


async def test_a_change_is_told_when_its_verification_cannot_be_kept(
    ours: Organization, number: str
) -> None:
    path = f"{ours.path}/channels/{(await connect_number(ours, number))['id']}"
    with no_database_after_meta_answered():
        changed = await ours.admin.patch(path, json={"waba_id": "1"})
        asked = await ours.admin.post(f"{path}/verify")
    assert changed.status_code == 200, changed.text
    assert changed.json()["waba_id"] == "1"
    assert changed.json()["verification"]["status"] == "unverified"
    check_problem(asked, 503)


async def _handshake(client: httpx.AsyncClient, webhook: str, token: str) -> int:
    query = {"hub.mode": "subscribe", "hub.verify_token": token, "hub.challenge": "1"}
    return (await client.get(webhook, params=query)).status_code


async def test_without_a_graph_api_channels_are_made_all_the_same(
    settings: Settings, ours: Organization, number: str
) -> None:
    elsewhere = settings.model_copy(
        update={"whatsapp_graph_url": f"http://127.0.0.1:{free_port()}"}
    )
    lonely = create_app(elsewhere)
    async with (
        lonely.router.lifespan_context(lonely),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(lonely),
            base_url="http://parley.test",
            headers=ours.admin.headers,
        ) as admin,
    ):
        made = await admin.post(f"{ours.path}/channels", json=body(number))
    assert made.status_code == 201
    assert made.json()["verification"]["status"] == "unreachable"
