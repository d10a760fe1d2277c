"""Everything a person can do on the phone beside typing, as the business is then told of it."""

from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.conftest import OpenPage
from tests.simulator.stage import PHONE_NUMBER_ID, Stage

pytestmark = pytest.mark.browser

OTHER_NUMBER = "206540352242922"


def chat_of(person: dict[str, Any], number: str = PHONE_NUMBER_ID) -> str:
    return f"{person['id']}/{number}"


async def menu_of(message: Locator, item: str) -> None:
    await message.hover()
    await message.get_by_role("button", name="More").click()
    await message.page.get_by_role("menuitem", name=item).click()


async def attach(page: Page, item: str) -> None:
    await page.get_by_role("button", name="Attach").click()
    await page.get_by_role("menuitem", name=item).click()


async def told(stage: Stage, count: int) -> dict[str, Any]:
    """The newest of so many messages."""
    await stage.receiver.until(lambda: len(stage.receiver.messages()) == count)
    return stage.receiver.messages()[-1]


async def test_own_messages_are_edited_and_deleted(stage: Stage, open_page: OpenPage) -> None:
    person = await stage.person()
    written = await stage.write(person, "Tow loaves")
    page = await open_page(chat_of(person))
    message = page.locator(".message.mine")
    await menu_of(message, "Edit…")
    await page.get_by_label("Message", exact=True).last.fill("Two loaves")
    await page.get_by_role("button", name="Save").click()
    edit = (await told(stage, 2))["edit"]
    assert edit["original_message_id"] == written
    assert edit["message"] == {
        "context": {"id": "M0"}, "type": "text", "text": {"body": "Two loaves"},
    }  # fmt: skip
    await expect(message).to_have_count(1)
    await expect(message.locator(".body")).to_have_text("Two loaves")
    await expect(message.locator(".stamp")).to_contain_text("Edited")
    await menu_of(message, "Delete for everyone")
    assert (await told(stage, 3))["revoke"] == {"original_message_id": written}
    await expect(message.locator(".body")).to_have_text("This message was deleted")


async def test_messages_are_forwarded(stage: Stage, open_page: OpenPage) -> None:
    await stage.put_number(OTHER_NUMBER, name="Harbour Bicycles")
    person = await stage.acquainted()
    await stage.reply(person, "We close at six")
    page = await open_page(chat_of(person))
    await menu_of(page.locator(".message.theirs"), "Forward…")
    await page.get_by_label("To", exact=True).select_option("Harbour Bicycles")
    await page.get_by_label("It was forwarded many times already").check()
    await page.get_by_role("button", name="Forward", exact=True).click()
    message = await told(stage, 2)
    assert message["text"] == {"body": "We close at six"}
    assert message["context"] == {"frequently_forwarded": True}
    assert stage.receiver.values()[-1]["metadata"]["phone_number_id"] == OTHER_NUMBER


async def test_a_reaction_is_taken_back(stage: Stage, open_page: OpenPage) -> None:
    person = await stage.acquainted()
    sent = await stage.reply(person)
    page = await open_page(chat_of(person))
    theirs = page.locator(".message.theirs")
    await theirs.hover()
    await theirs.get_by_role("button", name="React", exact=True).click()
    await theirs.get_by_role("button", name="React with 👍").click()
    await theirs.get_by_role("button", name="Reaction 👍").click()
    assert (await told(stage, 3))["reaction"] == {"message_id": sent, "emoji": ""}
    await expect(theirs.locator(".reaction")).to_have_count(0)


async def test_both_sides_react(stage: Stage, open_page: OpenPage) -> None:
    person = await stage.person()
    written = await stage.write(person)
    await stage.write(
        person, None, type="reaction", reaction={"message_id": written, "emoji": "🙏"}
    )
    heart = {"message_id": written, "emoji": "❤️"}
    await stage.send({"to": person["wa_id"], "type": "reaction", "reaction": heart})
    page = await open_page(chat_of(person))
    await expect(page.get_by_label("Reaction 🙏 and ❤️")).to_be_visible()


async def test_a_location_and_a_contact(stage: Stage, open_page: OpenPage) -> None:
    page = await open_page(chat_of(await stage.person()))
    await attach(page, "Location")
    await page.get_by_label("Place").select_option("Alexanderplatz")
    await page.get_by_role("dialog").get_by_role("button", name="Send").click()
    assert (await told(stage, 1))["location"] == {
        "latitude": 52.5219, "longitude": 13.4132, "name": "Alexanderplatz",
        "address": "10178 Berlin",
    }  # fmt: skip
    await attach(page, "Contact")
    await page.get_by_role("dialog").get_by_role("button", name="Send").click()
    contact = (await told(stage, 2))["contacts"][0]
    assert contact["name"]["formatted_name"] == "Bo Diaz"
    assert contact["phones"][0]["wa_id"] == "12025550142"


async def test_a_dropped_file_waits_for_its_caption(stage: Stage, open_page: OpenPage) -> None:
    page = await open_page(chat_of(await stage.person()))
    await expect(page.locator("#composer")).to_be_visible()
    await page.evaluate(
        """() => {
          const data = new DataTransfer();
          data.items.add(new File(["what we have"], "list.txt", { type: "text/plain" }));
          const drop = new DragEvent("drop", { dataTransfer: data, bubbles: true });
          document.getElementById("log").dispatchEvent(drop);
        }"""
    )
    await expect(page.locator("#attachment")).to_contain_text("list.txt")
    await page.keyboard.type("our stock")
    await page.keyboard.press("Enter")
    document = (await told(stage, 1))["document"]
    assert (document["filename"], document["caption"]) == ("list.txt", "our stock")
    assert document["mime_type"] == "text/plain"


async def test_a_voice_note_is_recorded(stage: Stage, open_page: OpenPage) -> None:
    page = await open_page(chat_of(await stage.person()), permissions=["microphone"])
    await page.get_by_role("button", name="Record a voice note").click()
    await page.get_by_role("button", name="Send the recording").click()
    audio = (await told(stage, 1))["audio"]
    assert audio["voice"] is True
    assert audio["mime_type"].startswith("audio/")
    await expect(page.locator(".message.mine audio")).to_be_visible()
    await page.get_by_role("button", name="Record a voice note").click()
    await page.get_by_role("button", name="Throw the recording away").click()
    await expect(page.locator("#composer")).to_be_visible()
    assert len(stage.receiver.messages()) == 1


INTERACTIVE: list[tuple[str, dict[str, Any], str]] = [
    (
        "location_request_message",
        {"name": "send_location"},
        "Send location",
    ),
    (
        "flow",
        {"name": "flow", "parameters": {"flow_cta": "Book now", "flow_token": "t1"}},
        "Book now",
    ),
    ("call_permission_request", {"name": "call_permission_request"}, "Allow calls for a week"),
    ("request_contact_info", {"name": "request_contact_info"}, "Share phone number"),
]


@pytest.mark.parametrize(("kind", "action", "label"), INTERACTIVE)
async def test_requests_of_the_business_are_answered(
    stage: Stage, open_page: OpenPage, kind: str, action: dict[str, Any], label: str
) -> None:
    person = await stage.acquainted(name="Grace Hopper")
    interactive = {"type": kind, "body": {"text": "Please"}, "action": action}
    sent = await stage.send(
        {"to": person["wa_id"], "type": "interactive", "interactive": interactive}
    )
    page = await open_page(chat_of(person))
    await page.get_by_role("button", name=label).click()
    if kind in ("location_request_message", "flow"):
        await page.get_by_role("dialog").get_by_role("button", name="Send").click()
    answer = await told(stage, 2)
    assert answer["context"]["id"] == sent.json()["messages"][0]["id"]
    if kind == "flow":
        reply = answer["interactive"]["nfm_reply"]
        assert (reply["name"], reply["body"]) == ("flow", "Sent")
        assert '"flow_token":"t1"' in reply["response_json"]
    elif kind == "call_permission_request":
        assert answer["interactive"]["call_permission_reply"]["response"] == "accept"
    elif kind == "request_contact_info":
        assert answer["contacts"][0]["origin"] == "contact_request"
        assert answer["contacts"][0]["phones"][0]["wa_id"] == person["wa_id"]
    else:
        assert answer["type"] == "location"


async def test_a_template_is_shown_and_answered(stage: Stage, open_page: OpenPage) -> None:
    person = await stage.person()
    texts = [{"type": "text", "text": text} for text in ("Grace", "Monday", "<b>10:30</b>")]
    template = {
        "name": "appointment_reminder",
        "language": {"code": "en_US"},
        "components": [{"type": "body", "parameters": texts}],
    }
    await stage.send({"to": person["wa_id"], "type": "template", "template": template})
    page = await open_page(chat_of(person))
    message = page.locator(".message.theirs")
    await expect(message.locator(".body")).to_contain_text("on Monday at <b>10:30</b>.")
    await expect(message.locator(".footer")).to_have_text("You can answer this message.")
    await page.get_by_role("button", name="Reschedule").click()
    assert (await told(stage, 1))["button"] == {"payload": "Reschedule", "text": "Reschedule"}


async def test_what_failed_says_why(stage: Stage, open_page: OpenPage) -> None:
    person = await stage.acquainted()
    await stage.put_faults({"effect": "error_async", "code": 131026})
    await stage.reply(person, "hello?")
    page = await open_page(chat_of(person))
    await expect(page.locator(".failure")).to_contain_text(
        "Not delivered: 131026 Message undeliverable"
    )


RARE: list[tuple[str, str]] = [
    ("Come from an ad", "text"),
    ("Ask about a product", "text"),
    ("Order from the catalogue", "order"),
    ("Open the chat for the first time", "request_welcome"),
    ("Send a poll", "unsupported"),
    ("Send a file above 100 MB", "unsupported"),
]


async def test_what_people_seldom_do(stage: Stage, open_page: OpenPage) -> None:
    page = await open_page(chat_of(await stage.person()))
    await attach(page, "Rarer ones…")
    await expect(page.get_by_role("tab", name="As Meta")).to_be_focused()
    for count, (label, kind) in enumerate(RARE, start=1):
        await page.get_by_role("button", name=label).click()
        assert (await told(stage, count))["type"] == kind
    first = stage.receiver.messages()[0]
    assert first["referral"]["source_type"] == "ad"
    assert first["text"]["body"]
    await expect(page.locator(".message.mine")).to_have_count(len(RARE))


@pytest.mark.parametrize(
    ("label", "field"),
    [
        ("Stop promotions", "user_preferences"),
        ("Account restricted", "account_update"),
        ("Call", "calls"),
        ("Change the user id", "user_id_update"),
    ],
)
async def test_what_is_no_message(
    stage: Stage, open_page: OpenPage, label: str, field: str
) -> None:
    page = await open_page(chat_of(await stage.acquainted()))
    await page.get_by_role("tab", name="As Meta").click()
    await page.get_by_role("button", name=label, exact=True).click()
    await stage.receiver.until(lambda: bool(stage.receiver.told(field)))


async def test_a_reply_in_the_business_app(stage: Stage, open_page: OpenPage) -> None:
    page = await open_page(chat_of(await stage.acquainted()))
    await page.get_by_role("tab", name="As Meta").click()
    await page.get_by_role("button", name="Reply in the Business app…").click()
    await page.get_by_role("dialog").get_by_role("button", name="Send").click()
    await stage.receiver.until(lambda: bool(stage.receiver.told("smb_message_echoes")))
    await expect(page.locator(".message.theirs")).to_contain_text("From the Business app")
