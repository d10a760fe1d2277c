"""What operators see of a channel that Meta refuses, and how they let it send again."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI

from adapters.postgres.channel_pauses import ChannelPauses
from api.services import Services
from contracts.ids import ChannelId, OrganizationId
from settings import Settings
from tests.api.conftest import Organization, check_problem, created
from tests.simulator.stage import WABA_ID, Stage, staged

TOKEN = "the token of these tests"


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with staged(tmp_path_factory.mktemp("graph") / "simulator") as stage:
        yield stage


@pytest.fixture(scope="module")
def settings(settings: Settings, stage: Stage) -> Settings:
    return settings.model_copy(update={"whatsapp_graph_url": stage.url})


@pytest.fixture
def pauses(app: FastAPI) -> ChannelPauses:
    services: Services = app.state.services
    return ChannelPauses(services.database)


async def connect_number(ours: Organization, stage: Stage, **fields: Any) -> str:
    """A channel of a number that Meta knows; its path."""
    phone_number_id = str(uuid4().int)[:15]
    await stage.put_number(phone_number_id, access_token=TOKEN)
    body = {
        "phone_number_id": phone_number_id,
        "waba_id": WABA_ID,
        "display_phone_number": "+1 555 078 3881",
        "access_token": TOKEN,
    }
    made = await created(ours.admin, f"{ours.path}/channels", **body | fields)
    return f"{ours.path}/channels/{made['id']}"


async def pause(pauses: ChannelPauses, ours: Organization, path: str, code: int | None) -> None:
    channel_id = ChannelId(path.rsplit("/", 1)[-1])
    assert await pauses.pause(OrganizationId(ours.id), channel_id, code=code) == "paused"


async def shown(ours: Organization, path: str) -> Any:
    answer = await ours.viewer.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()["paused"]


async def test_a_channel_tells_why_it_waits_and_what_to_do(
    ours: Organization, stage: Stage, pauses: ChannelPauses
) -> None:
    path = await connect_number(ours, stage)
    assert await shown(ours, path) is None
    etag = (await ours.viewer.get(path)).headers["etag"]
    await pause(pauses, ours, path, 131042)
    paused = await shown(ours, path)
    assert paused["since"].endswith("Z")
    assert paused["code"] == 131042
    assert "charged" in paused["reason"]
    assert "payment method" in paused["what_to_do"]
    assert (await ours.viewer.get(path)).headers["etag"] == etag
    listed = (await ours.viewer.get(f"{ours.path}/channels")).json()["items"]
    assert listed[0]["paused"] == paused


async def test_a_refusal_without_a_code_has_words_too(
    ours: Organization, stage: Stage, pauses: ChannelPauses
) -> None:
    path = await connect_number(ours, stage)
    await pause(pauses, ours, path, None)
    paused = await shown(ours, path)
    assert paused["code"] is None
    assert paused["reason"]
    assert paused["what_to_do"]


async def test_an_operator_resumes_it_and_the_log_says_who(
    ours: Organization, stage: Stage, pauses: ChannelPauses
) -> None:
    path = await connect_number(ours, stage)
    await pause(pauses, ours, path, 131048)
    check_problem(await ours.viewer.post(f"{path}/resume"), 403)
    for _ in range(2):
        answer = await ours.operator.post(f"{path}/resume")
        assert answer.status_code == 200, answer.text
        assert answer.json()["paused"] is None
    log = await ours.admin.get(f"{ours.path}/audit-log", params={"action": "channel.resume"})
    (entry,) = log.json()["items"]
    assert entry["before"]["paused"]["code"] == 131048
    assert entry["after"] == {"paused": None}
    assert entry["role"] == "operator"


async def test_resuming_one_number_of_a_paused_account_resumes_the_others(
    ours: Organization, stage: Stage, pauses: ChannelPauses
) -> None:
    one, other = await connect_number(ours, stage), await connect_number(ours, stage)
    await pause(pauses, ours, one, 368)
    assert (await shown(ours, other))["code"] == 368
    await ours.operator.post(f"{other}/resume")
    assert await shown(ours, one) is None


async def test_a_new_access_token_and_a_verification_that_succeeds_resume_it(
    ours: Organization, stage: Stage, pauses: ChannelPauses
) -> None:
    path = await connect_number(ours, stage)
    await pause(pauses, ours, path, 190)
    patched = await ours.admin.patch(path, json={"assistant_id": None})
    assert patched.json()["paused"]["code"] == 190
    patched = await ours.admin.patch(path, json={"access_token": TOKEN})
    assert patched.json()["paused"] is None
    await pause(pauses, ours, path, 133010)
    await stage.put_faults({"effect": "account_error", "code": 190, "count": 1})
    verified = await ours.admin.post(f"{path}/verify")
    assert verified.json()["paused"]["code"] == 133010
    verified = await ours.admin.post(f"{path}/verify")
    assert verified.json()["verification"]["status"] == "verified"
    assert verified.json()["paused"] is None


async def test_the_throughput_of_a_number_is_an_administrators(
    ours: Organization, stage: Stage
) -> None:
    path = await connect_number(ours, stage, messages_per_second=20)
    made = (await ours.viewer.get(path)).json()
    assert made["messages_per_second"] == 20
    changed = await ours.admin.patch(path, json={"messages_per_second": 1000})
    assert changed.json()["messages_per_second"] == 1000
    assert changed.json()["revision"] == made["revision"] + 1
    for wrong in (0, 1001, "80", None):
        check_problem(await ours.admin.patch(path, json={"messages_per_second": wrong}), 422)


@pytest.mark.parametrize("policy", ["resend", "leave", None])
async def test_an_organisation_may_have_its_own_policy_for_uncertain_sends(
    ours: Organization, policy: str | None
) -> None:
    settings = {"uncertain_send_policy": policy, "theirs": 1}
    changed = await ours.admin.patch(ours.path, json={"settings": settings})
    assert changed.status_code == 200, changed.text
    assert changed.json()["settings"] == settings
    wrong = {"settings": {"uncertain_send_policy": "guess"}}
    check_problem(await ours.admin.patch(ours.path, json=wrong), 422)
