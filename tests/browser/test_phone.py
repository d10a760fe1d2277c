"""The phone in the browser, against the simulator and a stand-in for the business's webhook."""

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import OpenPage
from tests.simulator.stage import PHONE_NUMBER_ID, Stage, staged

pytestmark = pytest.mark.browser

CONVERSATION = "conv_01ARZ3NDEKTSV4RRFFQ69G5FAV01BX5ZZKBKACTAV9WEVGEMMVRZ"
HOSTILE = '<img src=x onerror="document.title=1"> <b>bold</b> javascript:alert(1) &amp;'


def chat_of(person: dict[str, Any], number: str = PHONE_NUMBER_ID) -> str:
    return f"{person['id']}/{number}"


async def mark_read(stage: Stage, *, typing: bool = False) -> None:
    """The business reads what came last."""
    receipt: dict[str, Any] = {"status": "read", "message_id": stage.receiver.messages()[-1]["id"]}
    if typing:
        receipt["typing_indicator"] = {"type": "text"}
    assert (await stage.send(receipt)).status_code == 200


async def test_a_conversation_with_ticks_from_grey_to_blue(
    stage: Stage, open_page: OpenPage
) -> None:
    person = await stage.person(name="Ana")
    page = await open_page(chat_of(person))
    stage.receiver.hold.clear()
    await page.get_by_label("Message", exact=True).fill("Are you open?")
    await page.keyboard.press("Enter")
    mine = page.locator(".message.mine")
    await expect(mine.locator(".body")).to_have_text("Are you open?")
    await expect(mine.get_by_label("Sent")).to_be_visible()
    await stage.receiver.until(lambda: len(stage.receiver.messages()) == 1)
    stage.receiver.hold.set()
    await expect(mine.get_by_label("Delivered")).to_be_visible()
    await mark_read(stage)
    await expect(mine.get_by_label("Read")).to_be_visible()
    await stage.reply(person, "Until six")
    await expect(page.locator(".message.theirs .body")).to_have_text("Until six")
    await expect(page.locator(".day")).to_have_text("Today")
    await expect(page.get_by_label("Message", exact=True)).to_have_value("")
    await stage.receiver.until(
        lambda: [s["status"] for s in stage.receiver.statuses()] == ["sent", "delivered", "read"]
    )


async def test_typing_is_shown_until_the_answer(stage: Stage, open_page: OpenPage) -> None:
    person = await stage.acquainted()
    page = await open_page(chat_of(person))
    state = page.locator("#chat-state")
    await expect(state).to_contain_text("window open until")
    await stage.receiver.until(lambda: bool(stage.receiver.messages()))
    await mark_read(stage, typing=True)
    await expect(state).to_have_text("typing…")
    await expect(page.get_by_label("typing", exact=True)).to_be_visible()
    await stage.reply(person, "Done")
    await expect(state).to_contain_text("window open until")
    await expect(page.get_by_label("typing", exact=True)).to_have_count(0)


async def test_several_people_at_once(stage: Stage, open_page: OpenPage) -> None:
    ana, ben = await stage.person(name="Ana"), await stage.acquainted(name="Ben")
    page = await open_page(chat_of(ana))
    await stage.reply(ben, "One")
    await stage.reply(ben, "Two")
    row = page.get_by_label("Ben with Blue Door Bakery, 2 unread")
    await expect(row.locator(".badge")).to_have_text("2")
    await expect(row.locator(".preview")).to_have_text("Two")
    await expect(page).to_have_title("(2) WhatsApp simulator")
    await expect(page.locator(".message")).to_have_count(0)
    await row.click()
    await expect(page.locator(".message.theirs")).to_have_count(2)
    await expect(page.locator(".badge")).to_have_count(0)
    await expect(page).to_have_title("WhatsApp simulator")
    await stage.receiver.until(
        lambda: [s["status"] for s in stage.receiver.statuses()].count("read") == 2
    )


async def test_a_new_person(stage: Stage, open_page: OpenPage) -> None:
    page = await open_page()
    await expect(page.get_by_text("Add a person to start.")).to_be_visible()
    await page.get_by_role("button", name="New person").click()
    await page.get_by_label("Name").fill("Zoë")
    await page.get_by_label("Hide the phone number").check()
    await page.get_by_role("button", name="Create").click()
    await expect(page.locator(".person-name")).to_contain_text("Zoë")
    await expect(page.locator("#chat-name")).to_have_text("Blue Door Bakery")
    await page.get_by_role("button", name="When do you open?").click()
    await stage.receiver.until(lambda: bool(stage.receiver.messages()))
    told = stage.receiver.messages()[0]
    assert told["text"]["body"] == "When do you open?"
    assert "from" not in told
    await expect(page.get_by_role("button", name="Do you deliver?")).to_be_hidden()


async def test_formatting_is_whatsapps(stage: Stage, open_page: OpenPage) -> None:
    person = await stage.acquainted()
    text = (
        "*bold _both_* ~gone~ `code` 2*3*4 snake_case_name\n- one\n- two\n1. first\n> said\n"
        "```x = *1*```\nhttps://example.com/a?b=c."
    )
    await stage.reply(person, text)
    page = await open_page(chat_of(person))
    body = page.locator(".message.theirs .body")
    await expect(body.locator("strong")).to_have_text("bold both")
    await expect(body.locator("strong em")).to_have_text("both")
    await expect(body.locator("s")).to_have_text("gone")
    await expect(body.locator("code")).to_have_text("code")
    await expect(body.locator("ul li")).to_have_text(["one", "two"])
    await expect(body.locator("ol li")).to_have_text("first")
    await expect(body.locator("blockquote")).to_have_text("said")
    await expect(body.locator("pre")).to_have_text("x = *1*")
    await expect(body.locator("a")).to_have_attribute("href", "https://example.com/a?b=c")
    await expect(body).to_contain_text("2*3*4 snake_case_name")


async def test_nothing_written_becomes_markup(stage: Stage, open_page: OpenPage) -> None:
    person = await stage.acquainted(name=HOSTILE[:100])
    await stage.put_number(name=HOSTILE[:100])
    await stage.reply(person, HOSTILE)
    choice = {"type": "reply", "reply": {"id": "1", "title": "<b>hi</b>"}}
    interactive = {"type": "button", "body": {"text": HOSTILE}, "action": {"buttons": [choice]}}
    await stage.send({"to": person["wa_id"], "type": "interactive", "interactive": interactive})
    card = {"filename": HOSTILE[:200], "link": "https://example.com/"}
    await stage.send({"to": person["wa_id"], "type": "document", "document": card})
    await stage.write(person, type="raw", raw={"type": "<b>", "x": HOSTILE}, text=None)
    await stage.write(person, type="contacts", contacts=[{"name": {}, "phones": 7}], text=None)
    page = await open_page(chat_of(person))
    await expect(page.locator(".message")).to_have_count(6)
    await expect(page.locator(".message.theirs .body").first).to_have_text(HOSTILE)
    assert await page.locator("#log img, #log b, #chat-list img, .chat-header img").count() == 0
    assert await page.locator("#log a:not([href^='https://'])").count() == 0


async def test_enter_sends_and_shift_enter_does_not(stage: Stage, open_page: OpenPage) -> None:
    page = await open_page(chat_of(await stage.person()))
    field = page.get_by_label("Message", exact=True)
    await expect(field).to_be_visible()
    await field.press_sequentially("one")
    await field.press("Shift+Enter")
    await field.press_sequentially("two")
    await expect(field).to_have_value("one\ntwo")
    await field.press("Enter")
    await stage.receiver.until(lambda: bool(stage.receiver.messages()))
    assert stage.receiver.messages()[0]["text"]["body"] == "one\ntwo"
    await field.fill("   ")
    await field.press("Enter")
    await field.fill("three")
    await field.press("Enter")
    await stage.receiver.until(lambda: len(stage.receiver.messages()) == 2)
    assert stage.receiver.messages()[1]["text"]["body"] == "three"


async def test_a_tap_on_a_button_answers(stage: Stage, open_page: OpenPage) -> None:
    person = await stage.acquainted()
    choice = {"type": "reply", "reply": {"id": "big", "title": "Large"}}
    interactive = {"type": "button", "body": {"text": "Size?"}, "action": {"buttons": [choice]}}
    sent = await stage.send(
        {"to": person["wa_id"], "type": "interactive", "interactive": interactive}
    )
    page = await open_page(chat_of(person))
    await page.get_by_role("button", name="Large").click()
    await stage.receiver.until(lambda: len(stage.receiver.messages()) == 2)
    told = stage.receiver.messages()[1]
    reply = {"type": "button_reply", "button_reply": {"id": "big", "title": "Large"}}
    assert told["interactive"] == reply
    assert told["context"]["id"] == sent.json()["messages"][0]["id"]
    await expect(page.locator(".message.mine").last.locator(".quote")).to_contain_text("Size?")


async def test_a_choice_from_a_list(stage: Stage, open_page: OpenPage) -> None:
    person = await stage.acquainted()
    rows = [{"id": "r1", "title": "Rye", "description": "dark"}, {"id": "r2", "title": "Wheat"}]
    action = {"button": "Breads", "sections": [{"title": "Today", "rows": rows}]}
    interactive = {"type": "list", "body": {"text": "Which?"}, "action": action}
    await stage.send({"to": person["wa_id"], "type": "interactive", "interactive": interactive})
    page = await open_page(chat_of(person))
    await page.get_by_role("button", name="Breads").click()
    await page.get_by_role("button", name="Rye").click()
    await stage.receiver.until(lambda: len(stage.receiver.messages()) == 2)
    assert stage.receiver.messages()[1]["interactive"]["list_reply"] == rows[0]


async def test_reactions_and_replies(stage: Stage, open_page: OpenPage) -> None:
    person = await stage.acquainted()
    sent = await stage.reply(person, "We are open")
    page = await open_page(chat_of(person))
    theirs = page.locator(".message.theirs")
    await theirs.hover()
    await theirs.get_by_role("button", name="React", exact=True).click()
    await theirs.get_by_role("button", name="React with 👍").click()
    await expect(theirs.locator(".reaction")).to_have_text("👍")
    await theirs.hover()
    await theirs.get_by_role("button", name="Reply").click()
    await page.keyboard.type("Great")
    await page.keyboard.press("Enter")
    await stage.receiver.until(lambda: len(stage.receiver.messages()) == 3)
    reaction, reply = stage.receiver.messages()[1:]
    assert reaction["reaction"] == {"message_id": sent, "emoji": "👍"}
    assert reply["context"]["id"] == sent
    await expect(page.locator(".message.mine .quote")).to_contain_text("We are open")


async def test_a_file_is_attached(stage: Stage, open_page: OpenPage) -> None:
    person = await stage.person()
    page = await open_page(chat_of(person))
    dot = bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
        "1f15c4890000000d49444154789c63f8cfc0f01f00050001ff89993d1d0000000049454e44ae426082"
    )
    file: Any = {"name": "dot.png", "mimeType": "image/png", "buffer": dot}
    await page.locator("#file").set_input_files(file)
    await expect(page.locator("#attachment")).to_contain_text("dot.png")
    await page.get_by_label("Message", exact=True).fill("What is this?")
    await page.get_by_role("button", name="Send", exact=True).click()
    await stage.receiver.until(lambda: bool(stage.receiver.messages()))
    image = stage.receiver.messages()[0]["image"]
    assert (image["mime_type"], image["caption"]) == ("image/png", "What is this?")
    await expect(page.locator("#attachment")).to_be_hidden()
    picture = page.locator(".message.mine img")
    await expect(picture).to_be_visible()
    assert await picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 1


async def test_the_panel_shows_what_went_over_the_wire(stage: Stage, open_page: OpenPage) -> None:
    person = await stage.person()
    page = await open_page(chat_of(person))
    await expect(page.get_by_role("link", name="Open in Temporal")).to_be_hidden()
    stage.receiver.answers = [500]
    await stage.write(person, "¡hola!")
    await stage.receiver.until(lambda: len(stage.receiver.bodies) == 2)
    delivery = page.locator("#deliveries .record")
    await expect(delivery.locator(".pill")).to_have_text("200")
    await delivery.locator("summary").click()
    await expect(delivery).to_contain_text(stage.receiver.signatures[0])
    await expect(delivery).to_contain_text("2, delivered")
    await expect(delivery.locator("pre")).to_contain_text('"¡hola!"')
    await stage.reply(person, "buenas", biz_opaque_callback_data=f"{CONVERSATION}.msg_1")
    await page.get_by_role("tab", name="Sends").click()
    send = page.locator("#sends .record")
    await send.locator("summary").click()
    shown = json.loads(await send.locator("pre").first.inner_text())
    assert shown["text"] == {"body": "buenas"}
    await expect(page.get_by_role("link", name="Open in Temporal")).to_have_attribute(
        "href",
        "http://127.0.0.1:8233/namespaces/default/workflows/conversation%2F"
        "chn_01ARZ3NDEKTSV4RRFFQ69G5FAV%2Fwau_01BX5ZZKBKACTAV9WEVGEMMVRZ",
    )


async def test_the_notice_comes_and_goes(stage: Stage, open_page: OpenPage) -> None:
    page = await open_page()
    notice = page.locator("#notice")
    await expect(notice).to_be_hidden()
    await stage.http.put("/simulator/notice", json={"text": "The offline model is answering."})
    await expect(notice).to_have_text("The offline model is answering.")
    await stage.http.put("/simulator/notice", json={"text": ""})
    await expect(notice).to_be_hidden()


async def test_new_messages_scroll_into_view(stage: Stage, open_page: OpenPage) -> None:
    person = await stage.acquainted()
    for number in range(30):
        await stage.reply(person, f"message {number}")
    page = await open_page(chat_of(person))
    await expect(page.locator("#log").get_by_text("message 29")).to_be_in_viewport()
    await page.locator("#log").evaluate("log => { log.scrollTop = 0 }")
    await stage.reply(person, "the newest")
    button = page.get_by_role("button", name="Go to the newest message")
    await expect(button).to_be_visible()
    await expect(page.locator("#log").get_by_text("the newest")).not_to_be_in_viewport()
    await button.click()
    await expect(page.locator("#log").get_by_text("the newest")).to_be_in_viewport()


async def test_earlier_messages_are_a_tap_away(stage: Stage, open_page: OpenPage) -> None:
    person = await stage.person()
    for number in range(205):
        await stage.write(person, f"message {number}")
    page = await open_page(chat_of(person))
    await expect(page.locator(".message")).to_have_count(200)
    await page.get_by_role("button", name="Earlier messages").click()
    await expect(page.locator(".message")).to_have_count(205)
    await expect(page.locator(".message .body").first).to_have_text("message 0")
    await expect(page.get_by_role("button", name="Earlier messages")).to_be_hidden()


async def test_a_narrow_screen_is_one_view_at_a_time(stage: Stage, open_page: OpenPage) -> None:
    person = await stage.acquainted(name="Ana")
    await stage.reply(person, "x" * 300)
    page = await open_page(viewport={"width": 360, "height": 640})
    await page.get_by_label("Ana with Blue Door Bakery").click()
    await expect(page.locator(".message.theirs")).to_be_visible()
    await expect(page.locator("#chat-list")).to_be_hidden()
    await page.get_by_role("button", name="Show the panel").click()
    await expect(page.locator("#deliveries")).to_be_in_viewport()
    await page.get_by_role("button", name="Close the panel").click()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.get_by_role("button", name="Back to chats").click()
    await expect(page.locator("#chat-list")).to_be_visible()


async def brightness(page: Page, selector: str) -> float:
    colour = await page.locator(selector).evaluate("e => getComputedStyle(e).backgroundColor")
    channels = [float(part) for part in colour.strip("rgba()").split(",")[:3]]
    return sum(channels) / 3


async def test_light_and_dark_follow_the_system(stage: Stage, open_page: OpenPage) -> None:
    person = await stage.acquainted()
    for scheme, is_dark in (("light", False), ("dark", True)):
        page = await open_page(chat_of(person), color_scheme=scheme)
        for selector in ("body", ".chats", ".device", ".chat-header", ".panel"):
            assert (await brightness(page, selector) < 100) is is_dark, (scheme, selector)


async def test_everything_has_a_name_and_a_role(stage: Stage, open_page: OpenPage) -> None:
    person = await stage.acquainted()
    await stage.reply(person, "hello")
    page = await open_page(chat_of(person))
    await expect(page.get_by_role("log", name="Messages")).to_have_attribute("aria-live", "polite")
    await expect(page.locator(".message.theirs")).to_be_visible()
    nameless = await page.evaluate(
        """[...document.querySelectorAll('button, input:not([hidden]), textarea, a[href]')]
        .filter(e => !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length))
        .map(e => e.outerHTML)"""
    )
    assert nameless == []
    for expected in ("navigation", "tablist", "complementary"):
        await expect(page.get_by_role(expected)).to_be_visible()


async def test_the_page_finds_a_restarted_simulator(
    tmp_path: Path, browser: Browser, unused_tcp_port: int
) -> None:
    data_dir = tmp_path / "restarted"
    async with staged(data_dir, port=unused_tcp_port) as stage:
        person = await stage.acquainted()
        page = await browser.new_page()
        await page.goto(f"{stage.url}/#{chat_of(person)}")
        await expect(page.locator(".message")).to_have_count(1)
    async with staged(data_dir, port=unused_tcp_port) as stage:
        await stage.reply(person, "back again")
        await expect(page.locator(".message.theirs .body")).to_have_text("back again")
        await expect(page.locator(".message")).to_have_count(2)
        await page.close()


async def test_two_pages_show_the_same(stage: Stage, open_page: OpenPage) -> None:
    person = await stage.person()
    one, other = await open_page(chat_of(person)), await open_page(chat_of(person))
    await one.get_by_label("Message", exact=True).fill("from here")
    await one.keyboard.press("Enter")
    await expect(other.locator(".message.mine .body")).to_have_text("from here")
    await expect(one.locator(".message.mine")).to_have_count(1)
