"""What the assistant answers from: documents dropped on the page, and the way back to them."""

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.test_behind import chat_of
from tests.simulator.desk import OPERATOR_KEY, ORGANIZATION, Parley, parley
from tests.simulator.shelf import KNOWLEDGE_BASE, PROTECTED, UNSUPPORTED
from tests.simulator.stage import PHONE_NUMBER_ID, Stage

pytestmark = pytest.mark.browser


async def put_desk(stage: Stage, api: Parley) -> None:
    desk = {"api_url": api.url, "organization_id": ORGANIZATION, "api_key": OPERATOR_KEY}
    await stage.http.put(f"/simulator/numbers/{PHONE_NUMBER_ID}/desk", json=desk)


async def drop_text(page: Page, *, name: str, text: str) -> None:
    """What the browser does when somebody lets a file go over the list."""
    transfer = await page.evaluate_handle(
        """([name, text]) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([text], name, { type: "text/plain" }));
            return transfer;
        }""",
        [name, text],
    )
    await page.dispatch_event(".drop", "drop", {"dataTransfer": transfer})


async def test_a_folder_goes_in_and_each_file_is_seen_settling(
    stage: Stage, open_page: OpenPage, tmp_path: Path
) -> None:
    folder = tmp_path / "handbook"
    (folder / "more").mkdir(parents=True)
    (folder / "hours.txt").write_text("We close at six.")
    (folder / ".DS_Store").write_text("the system's own")
    (folder / "more" / "locked.pdf").write_text("%PDF")
    person = await stage.acquainted()
    async with parley(person, channel=PHONE_NUMBER_ID) as api:
        await put_desk(stage, api)
        page = await open_page(chat_of(person))
        await page.get_by_role("tab", name="Knowledge").click()
        await expect(page.get_by_role("heading", name="Handbook")).to_be_visible()
        await page.get_by_label("Folder of documents").set_input_files(folder)
        ready = page.locator(".document", has_text="hours.txt")
        await expect(ready.locator(".pill")).to_have_text("ready")
        await expect(ready).to_contain_text("3 passages")
        failed = page.locator(".document", has_text="locked.pdf")
        await expect(failed.locator(".pill")).to_have_text("failed")
        await expect(failed).to_contain_text(PROTECTED)
        assert sorted(one["title"] for one in api.shelf.documents) == ["hours.txt", "locked.pdf"]
        await failed.get_by_role("button", name="Remove").click()
        await expect(page.locator(".document")).to_have_count(1)


async def test_a_dropped_file_opens_again_and_one_that_is_refused_says_why(
    stage: Stage, open_page: OpenPage
) -> None:
    person = await stage.acquainted()
    async with parley(person, channel=PHONE_NUMBER_ID) as api:
        await put_desk(stage, api)
        page = await open_page(chat_of(person))
        await page.get_by_role("tab", name="Knowledge").click()
        await drop_text(page, name="hours.txt", text="We close at six.")
        await expect(page.locator(".document .pill")).to_have_text("ready")
        async with page.expect_popup() as opened:
            await page.get_by_role("link", name="hours.txt").click()
        await expect((await opened.value).locator("body")).to_have_text("We close at six.")
        known = await stage.http.post(
            f"/simulator/knowledge/{PHONE_NUMBER_ID}/{KNOWLEDGE_BASE}/documents",
            files={"file": ("setup.exe", b"MZ")},
        )
        assert known.json()["detail"] == f"Parley answered 415: {UNSUPPORTED}"


async def test_an_answer_leads_to_the_page_that_it_was_taken_from(
    stage: Stage, open_page: OpenPage
) -> None:
    person = await stage.acquainted()
    async with parley(person, channel=PHONE_NUMBER_ID) as api:
        api.shelf.contents["doc_7"] = b"Closed on Sundays."
        citation = {"passage_id": "psg_1", "document_id": "doc_7", "title": "Hours"}
        api.citations = [citation | {"page": 3, "section": "Shops > Harbour", "url": None}]
        await put_desk(stage, api)
        page = await open_page(chat_of(person))
        view = page.get_by_role("region", name="Operator's view")
        await expect(view).to_contain_text("Answered from: Hours (p. 3, Shops > Harbour)")
        link = view.get_by_role("link", name="Hours")
        assert str(await link.get_attribute("href")).endswith("/documents/doc_7#page=3")
        async with page.expect_popup() as opened:
            await link.click()
        await expect((await opened.value).locator("body")).to_have_text("Closed on Sundays.")


async def test_without_a_desk_there_is_no_knowledge(stage: Stage, open_page: OpenPage) -> None:
    page = await open_page(chat_of(await stage.acquainted()))
    await expect(page.locator(".message")).to_have_count(1)
    await expect(page.get_by_role("tab", name="Knowledge")).to_be_hidden()
    gone = await stage.http.get(f"/simulator/knowledge/{PHONE_NUMBER_ID}/documents/doc_1")
    assert gone.status_code == 404
