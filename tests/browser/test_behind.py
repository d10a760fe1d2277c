"""The panel behind the chat: faults, the clock, held webhooks, templates, the operator's view."""

from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.conftest import OpenPage
from tests.simulator.desk import OPERATOR_KEY, ORGANIZATION, parley
from tests.simulator.stage import PHONE_NUMBER_ID, Stage

pytestmark = pytest.mark.browser


def chat_of(person: dict[str, Any]) -> str:
    return f"{person['id']}/{PHONE_NUMBER_ID}"


async def test_a_fault_is_added_met_and_taken_away(stage: Stage, open_page: OpenPage) -> None:
    person = await stage.acquainted()
    page = await open_page(chat_of(person))
    await page.get_by_role("tab", name="Faults").click()
    await page.get_by_label("Code", exact=True).select_option("131056")
    await expect(page.locator("#faults-block .says")).to_contain_text("Too many messages to this")
    await page.get_by_role("button", name="Add", exact=True).click()
    rule = page.locator(".rules li")
    await expect(rule).to_contain_text("code 131056 · Lucía Gómez · 0 of 1")
    answer = await stage.send({"to": person["wa_id"], "text": {"body": "x"}})
    assert answer.json()["error"]["code"] == 131056
    await expect(rule).to_contain_text("1 of 1")
    await page.get_by_role("button", name="Take away: Refuse at once").click()
    await expect(rule).to_have_text("No faults: everything works.")
    assert (await stage.http.get("/simulator/faults")).json()["rules"] == []


async def test_every_effect_can_be_chosen(stage: Stage, open_page: OpenPage) -> None:
    page = await open_page(chat_of(await stage.acquainted()))
    await page.get_by_role("tab", name="Faults").click()
    effects = page.get_by_label("What happens")
    values = await effects.locator("option").evaluate_all("all => all.map(one => one.value)")
    for count, value in enumerate(values, start=1):
        await effects.select_option(value)
        await page.get_by_role("button", name="Add", exact=True).click()
        await expect(page.locator(".rules li")).to_have_count(count)


async def test_the_clock_closes_the_window(stage: Stage, open_page: OpenPage) -> None:
    page = await open_page(chat_of(await stage.acquainted()))
    await expect(page.locator("#chat-state")).to_contain_text("window open until")
    await page.get_by_role("tab", name="Faults").click()
    await page.get_by_role("button", name="+23 h 59 m").click()
    await expect(page.locator(".clock-time")).to_contain_text("23 h 59 min ahead")
    await expect(page.locator("#chat-state")).to_contain_text("window open until")
    await page.get_by_role("button", name="+1 h").click()
    await expect(page.locator("#chat-state")).to_have_text("window closed")
    await expect(page.locator(".chat-row .window")).to_have_text("window closed")
    await page.get_by_label("Message", exact=True).fill("Still there?")
    await page.keyboard.press("Enter")
    await expect(page.locator("#chat-state")).to_contain_text("window open until")


async def test_webhooks_are_held_and_come_as_one_batch(stage: Stage, open_page: OpenPage) -> None:
    person = await stage.person()
    page = await open_page(chat_of(person))
    await page.get_by_role("tab", name="Faults").click()
    await page.get_by_role("button", name="Hold webhooks").click()
    await expect(page.get_by_role("button", name="As one batch")).to_be_visible()
    for text in ("one", "two"):
        await stage.write(person, text)
    await page.get_by_role("button", name="As one batch").click()
    await stage.receiver.until(lambda: len(stage.receiver.messages()) == 2)
    assert len(stage.receiver.bodies) == 1
    await page.get_by_role("tab", name="Webhooks").click()
    await expect(page.locator("#deliveries .what")).to_have_text("batch of 2")
    await expect(page.locator(".message.mine").get_by_label("Delivered")).to_have_count(2)


async def test_retries_are_counted_down(stage: Stage, open_page: OpenPage) -> None:
    stage.receiver.answers = [503] * 30
    person = await stage.person()
    await stage.write(person)
    page = await open_page(chat_of(person))
    record = page.locator("#deliveries .record")
    await expect(record.locator(".what")).to_contain_text("attempt")
    await record.locator("summary").click()
    await expect(record).to_contain_text("next in")


async def test_limits_are_switched(stage: Stage, open_page: OpenPage) -> None:
    person = await stage.acquainted()
    page = await open_page(chat_of(person))
    await page.get_by_role("tab", name="Faults").click()
    await page.get_by_label("Messages at once to one person").first.fill("1")
    await page.keyboard.press("Tab")
    await expect(
        page.get_by_role("spinbutton", name="Messages at once to one person")
    ).to_have_value("1")
    behaviour = (await stage.http.get("/simulator/behaviour")).json()
    assert behaviour["pair_burst"] == 1
    await page.get_by_role("button", name="As configured").click()
    await expect(
        page.get_by_role("spinbutton", name="Messages at once to one person")
    ).to_have_value("")


async def test_meta_pauses_a_template(stage: Stage, open_page: OpenPage) -> None:
    page = await open_page(chat_of(await stage.person()))
    await page.get_by_role("tab", name="Templates").click()
    entry = page.locator(".template", has_text="hello_world")
    await entry.get_by_role("combobox").select_option("PAUSED")
    await expect(entry.locator(".pill")).to_have_text("paused")
    await stage.receiver.until(lambda: bool(stage.receiver.told("message_template_status_update")))


async def test_an_operator_takes_over_writes_and_hands_back(
    stage: Stage, open_page: OpenPage
) -> None:
    person = await stage.acquainted()
    async with parley(person, channel=PHONE_NUMBER_ID) as api:
        desk = {"api_url": api.url, "organization_id": ORGANIZATION, "api_key": OPERATOR_KEY}
        await stage.http.put(f"/simulator/numbers/{PHONE_NUMBER_ID}/desk", json=desk)
        page = await open_page(chat_of(person))
        view = page.get_by_role("region", name="Operator's view")
        await expect(view).to_contain_text("the assistant answers")
        await expect(view).to_contain_text("1 uncertain: “Perhaps sent”")
        await expect(view).to_contain_text(
            "Not delivered: “Too late” (131047: More than 24 hours have passed.)"
        )
        await expect(view).not_to_contain_text("Long ago")
        await expect(view).to_contain_text("messages per day: 7 of 100")
        await view.get_by_role("button", name="Take over").click()
        await expect(view).to_contain_text("a human answers")
        await expect(view).to_contain_text("With Bo since")
        await view.get_by_label("Message as the operator").fill("I am Bo. How can I help?")
        await view.get_by_role("button", name="Send").click()
        await expect(view.get_by_label("Message as the operator")).to_have_value("")
        assert api.said == ["I am Bo. How can I help?"]
        await view.get_by_role("button", name="Hand back").click()
        await expect(view).to_contain_text("the assistant answers")
        await view.get_by_role("button", name="Close").click()
        await expect(view.locator(".pill")).to_have_text("closed")


async def test_without_a_desk_there_is_no_operators_view(stage: Stage, open_page: OpenPage) -> None:
    page = await open_page(chat_of(await stage.acquainted()))
    await expect(page.locator(".message")).to_have_count(1)
    await expect(page.get_by_role("region", name="Operator's view")).to_be_hidden()


async def test_an_answer_of_parley_that_is_none_is_shown(stage: Stage, open_page: OpenPage) -> None:
    person = await stage.acquainted()
    async with parley(person, channel="another") as api:
        desk = {"api_url": api.url, "organization_id": ORGANIZATION, "api_key": OPERATOR_KEY}
        await stage.http.put(f"/simulator/numbers/{PHONE_NUMBER_ID}/desk", json=desk)
        page = await open_page(chat_of(person))
        view = page.get_by_role("region", name="Operator's view")
        await expect(view).to_contain_text("No conversation in Parley yet.")
        await expect(view.get_by_role("button", name="Take over")).to_have_count(0)
