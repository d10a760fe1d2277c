"""What people and businesses do that is no message, and what it changes."""

from typing import Any

from tests.simulator.stage import PHONE_NUMBER_ID, Stage

NUMBER = {"phone_number_id": PHONE_NUMBER_ID}


async def test_a_new_number_is_told_from_the_old_one(stage: Stage) -> None:
    person = await stage.acquainted()
    changed = await stage.post(f"people/{person['id']}/number-change", {"wa_id": "34600000009"})
    await stage.receiver.until(lambda: len(stage.receiver.bodies) == 3)
    system = stage.receiver.messages()[1]
    assert system["from"] == person["wa_id"]
    assert system["from_user_id"] == person["user_id"]
    assert system["system"]["wa_id"] == "34600000009"
    assert system["system"]["user_id"] == changed["user_id"] != person["user_id"]
    assert "contacts" not in stage.receiver.values()[1]
    update = stage.receiver.told("user_id_update")[0]["user_id_update"][0]
    assert update["user_id"] == {"previous": person["user_id"], "current": changed["user_id"]}
    await stage.write(person, "from my new phone")
    await stage.receiver.until(lambda: len(stage.receiver.bodies) == 4)
    assert stage.receiver.messages()[2]["from"] == "34600000009"


async def test_a_new_user_id_leaves_the_number(stage: Stage) -> None:
    person = await stage.acquainted(wa_id=None)
    changed = await stage.post(f"people/{person['id']}/user-id-change")
    await stage.receiver.until(lambda: len(stage.receiver.bodies) == 3)
    system = stage.receiver.messages()[1]["system"]
    assert system["type"] == "user_changed_user_id"
    assert system["user_id"] == changed["user_id"]
    assert "wa_id" not in system
    refused = await stage.http.post(f"/simulator/people/{person['id']}/number-change", json={})
    assert refused.status_code == 409


async def test_a_number_that_somebody_has_is_refused(stage: Stage) -> None:
    person, other = await stage.person(), await stage.person()
    taken = {"wa_id": other["wa_id"]}
    refused = await stage.http.post(f"/simulator/people/{person['id']}/number-change", json=taken)
    assert refused.status_code == 409
    assert person in (await stage.http.get("/simulator/people")).json()["items"]


async def test_preferences_are_told_with_an_integer_time(stage: Stage) -> None:
    person = await stage.person()
    await stage.post(f"people/{person['id']}/preferences", NUMBER | {"value": "stop"})
    await stage.receiver.until(lambda: bool(stage.receiver.bodies))
    told = stage.receiver.told("user_preferences")[0]["user_preferences"][0]
    assert isinstance(told.pop("timestamp"), int)
    assert told == {
        "wa_id": person["wa_id"],
        "user_id": person["user_id"],
        "detail": "User requested to stop marketing messages",
        "category": "marketing_messages",
        "value": "stop",
    }


async def test_an_echo_is_a_message_of_the_business_without_statuses(stage: Stage) -> None:
    person = await stage.acquainted()
    echo = await stage.post(f"people/{person['id']}/echoes", NUMBER | {"text": "I am Bo"})
    await stage.receiver.until(lambda: len(stage.receiver.bodies) == 2)
    told = stage.receiver.told("smb_message_echoes")[0]["message_echoes"][0]
    assert told["text"] == {"body": "I am Bo"}
    assert (told["from"], told["to"]) == ("15550783881", person["wa_id"])
    assert await stage.post(f"people/{person['id']}/opened", NUMBER) == {"read": 0}
    assert await stage.status_of(person, echo["id"]) == "read"
    assert stage.receiver.statuses() == []


async def test_a_call_opens_the_window_and_ends(stage: Stage) -> None:
    person = await stage.person()
    call = await stage.post(f"people/{person['id']}/calls", NUMBER)
    await stage.reply(person)
    await stage.receiver.until(lambda: len(stage.receiver.statuses()) == 2)
    assert [item["status"] for item in stage.receiver.statuses()] == ["sent", "delivered"]
    await stage.post(f"people/{person['id']}/calls/{call['id']}/end")
    await stage.receiver.until(lambda: len(stage.receiver.told("calls")) == 2)
    begun, ended = (value["calls"][0] for value in stage.receiver.told("calls"))
    assert (begun["event"], ended["event"]) == ("connect", "terminate")
    assert begun["id"] == ended["id"] == call["id"]
    again = await stage.http.post(f"/simulator/people/{person['id']}/calls/{call['id']}/end")
    assert again.status_code == 409


async def test_a_voice_message_can_be_played_once(stage: Stage) -> None:
    person = await stage.acquainted()
    link: dict[str, Any] = {"link": "https://example.com/a.ogg", "voice": True}
    sent = await stage.send({"to": person["wa_id"], "type": "audio", "audio": link})
    played = {"message_id": sent.json()["messages"][0]["id"]}
    await stage.receiver.until(lambda: len(stage.receiver.statuses()) == 2)
    await stage.post(f"people/{person['id']}/played", played)
    await stage.receiver.until(lambda: len(stage.receiver.statuses()) == 3)
    assert stage.receiver.statuses()[2]["status"] == "played"
    assert await stage.status_of(person, played["message_id"]) == "played"
    text = await stage.reply(person)
    refused = {"message_id": text}
    response = await stage.http.post(f"/simulator/people/{person['id']}/played", json=refused)
    assert response.status_code == 409


async def test_any_webhook_can_be_sent(stage: Stage) -> None:
    restriction = {"event": "ACCOUNT_RESTRICTION", "restriction_info": []}
    account = {"field": "account_update", "value": restriction, "scope": "account"}
    await stage.post(f"numbers/{PHONE_NUMBER_ID}/webhooks", account)
    clicks = {"field": "messages", "value": {"user_actions": [{"action_type": "ñ"}]}, "copies": 2}
    await stage.post(f"numbers/{PHONE_NUMBER_ID}/webhooks", clicks)
    await stage.receiver.until(lambda: len(stage.receiver.bodies) == 3)
    assert stage.receiver.told("account_update") == [restriction]
    first, second = stage.receiver.told("messages")
    assert first == second
    assert first["metadata"]["phone_number_id"] == PHONE_NUMBER_ID
    assert all(map(stage.receiver.signed_correctly, range(3)))


async def test_a_quote_names_its_author(stage: Stage) -> None:
    person = await stage.person()
    own = await stage.write(person)
    await stage.write(person, "as I said", context={"message_id": own})
    await stage.receiver.until(lambda: len(stage.receiver.messages()) == 2)
    assert stage.receiver.messages()[1]["context"] == {"from": person["wa_id"], "id": own}


async def test_a_group_message_names_its_group(stage: Stage) -> None:
    person = await stage.person()
    await stage.write(person, "hi all", group_id="Y2FwaV9n")
    await stage.receiver.until(lambda: bool(stage.receiver.messages()))
    assert stage.receiver.messages()[0]["group_id"] == "Y2FwaV9n"
