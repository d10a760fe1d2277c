"""The operator's view: what the page learns of Parley, and what it can have done there."""

from typing import Any

from tests.simulator.desk import CONVERSATION, OPERATOR_KEY, ORGANIZATION, Parley, parley
from tests.simulator.stage import PHONE_NUMBER_ID, Stage, staged


async def put_desk(stage: Stage, api: Parley, **changes: Any) -> None:
    desk = {"api_url": api.url, "organization_id": ORGANIZATION, "api_key": OPERATOR_KEY}
    answer = await stage.http.put(f"/simulator/numbers/{PHONE_NUMBER_ID}/desk", json=desk | changes)
    assert answer.status_code == 204, answer.text


def path_of(person: dict[str, Any]) -> str:
    return f"desk/{person['id']}/{PHONE_NUMBER_ID}"


async def look(stage: Stage, person: dict[str, Any]) -> Any:
    answer = await stage.http.get(f"/simulator/{path_of(person)}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_conversation_is_found_by_number_and_by_user_id(stage: Stage) -> None:
    for hidden in ({}, {"wa_id": None}):
        person = await stage.person(**hidden)
        async with parley(person, channel=PHONE_NUMBER_ID) as api:
            await put_desk(stage, api)
            view = await look(stage, person)
            assert view["conversation"]["id"] == CONVERSATION
            assert [message["id"] for message in view["uncertain"]] == ["msg_2"]
            assert [message["id"] for message in view["failed"]] == ["msg_1"]
            assert view["quotas"][0]["quota"] == "messages_per_day"
            stranger = await look(stage, await stage.person())
            assert stranger["conversation"] is None


async def test_an_operator_acts_with_an_idempotency_key(stage: Stage) -> None:
    person = await stage.person()
    async with parley(person, channel=PHONE_NUMBER_ID) as api:
        await put_desk(stage, api)
        api.window_is_open = False
        refused = await stage.http.post(
            f"/simulator/{path_of(person)}/messages", json={"text": "x"}
        )
        assert refused.status_code == 502
        assert refused.json()["detail"] == "Parley answered 409: The service window is closed."
        api.window_is_open = True
        assert (await stage.post(f"{path_of(person)}/takeover"))["status"] == "human"
        assert (await stage.post(f"{path_of(person)}/messages", {"text": "Hi"}))["id"] == "msg_3"
        assert (await stage.post(f"{path_of(person)}/release"))["status"] == "bot"
        assert (await stage.post(f"{path_of(person)}/close"))["status"] == "closed"
        assert api.said == ["Hi"]
        assert len(set(api.keys)) == 5
        unknown = await stage.http.post(f"/simulator/{path_of(person)}/explode")
        assert unknown.status_code == 422


async def test_a_key_goes_in_and_never_comes_out(stage: Stage) -> None:
    person = await stage.person()
    async with parley(person, channel=PHONE_NUMBER_ID) as api:
        await put_desk(stage, api)
        read = await stage.http.get(f"/simulator/numbers/{PHONE_NUMBER_ID}/desk")
        assert read.json() == {
            "available": True,
            "api_url": api.url,
            "organization_id": ORGANIZATION,
        }
        for path in (path_of(person), "numbers"):
            assert OPERATOR_KEY not in (await stage.http.get(f"/simulator/{path}")).text
        await put_desk(stage, api, api_key="withdrawn")
        answer = await stage.http.get(f"/simulator/{path_of(person)}")
        assert answer.json()["detail"] == "Parley answered 401: The key is not known."


async def test_a_number_without_a_desk_has_no_view(stage: Stage) -> None:
    person = await stage.person()
    assert await look(stage, person) == {"available": False}
    read = await stage.http.get(f"/simulator/numbers/{PHONE_NUMBER_ID}/desk")
    assert read.json() == {"available": False}
    refused = await stage.http.post(f"/simulator/{path_of(person)}/takeover")
    assert refused.status_code == 404


async def test_a_parley_that_is_down_is_told(stage: Stage) -> None:
    person = await stage.person()
    async with parley(person, channel=PHONE_NUMBER_ID) as api:
        await put_desk(stage, api)
    answer = await stage.http.get(f"/simulator/{path_of(person)}")
    assert answer.status_code == 502
    assert "Parley does not answer" in answer.json()["detail"]


async def test_a_desk_survives_a_restart(tmp_path: Any) -> None:
    async with staged(tmp_path) as stage:
        person = await stage.person()
        async with parley(person, channel=PHONE_NUMBER_ID) as api:
            await put_desk(stage, api)
            async with staged(tmp_path / "other") as other:
                assert (await look(other, await other.person())) == {"available": False}
    async with staged(tmp_path) as stage:
        read = await stage.http.get(f"/simulator/numbers/{PHONE_NUMBER_ID}/desk")
        assert read.json()["organization_id"] == ORGANIZATION
