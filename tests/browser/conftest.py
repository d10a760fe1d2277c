"""A real headless Chromium, and pages that must not log a single error."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    async_playwright,
    expect,
)

from tests.simulator.receiver import DEADLINE_SECONDS
from tests.simulator.stage import Stage, staged

PROGRAMS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
)
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A microphone that hums: there is none on a server.
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
OpenPage = Callable[..., Awaitable[Page]]


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    async with async_playwright() as playwright:
        program = program or shutil.which(playwright.chromium.executable_path)
        if program is None:
            pytest.skip("no Chromium or Chrome is installed: browser tests were skipped")
        launched = await playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        expect.set_options(timeout=DEADLINE_SECONDS * 1000)
        yield launched
        await launched.close()


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path / "simulator") as ready:
        await ready.put_number(suggested_questions=["When do you open?", "Do you deliver?"])
        yield ready


@pytest.fixture
async def open_page(browser: Browser, stage: Stage) -> AsyncIterator[OpenPage]:
    """Opens the page, by default on a wide screen; fails the test if the page logged an error."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def note(line: ConsoleMessage) -> None:
        if line.type == "error":
            errors.append(line.text)

    async def opened(fragment: str = "", **options: Any) -> Page:
        settings = {"viewport": {"width": 1400, "height": 900}, "locale": "en-GB"} | options
        context = await browser.new_context(**settings)
        contexts.append(context)
        page = await context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", note)
        await page.goto(f"{stage.url}/#{fragment}")
        return page

    yield opened
    for context in contexts:
        await context.close()
    assert errors == []
