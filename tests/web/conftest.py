"""The real servers on loopback, and a real browser: one for all tests here, which therefore share its event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import ClientSession
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from ami_bridge.domain.status import Status
from ami_bridge.web.board import LiveBoard
from ami_bridge.web.promises import Book
from ami_bridge.web.settings import PageSettings
from tests.web.house import House, Running
from tests.web.ledger import Ledger, a_ledger

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture
def house() -> House:
    return House()


@pytest_asyncio.fixture(loop_scope="session")
async def serve(house: House, tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[Running]]]:
    """Serve a page of the quiet house, or of a given one: `await serve(status, streams=2)`.

    `book` is what is owed, for pages that tell of single promises.
    """
    running: list[Running] = []

    async def start(status: Status | None = None, *, book: Book | None = None, **changes: object) -> Running:
        settings = replace(PageSettings(port=0), **changes)  # type: ignore[arg-type]
        running.append(Running(LiveBoard(status or house.quiet()), settings, tmp_path, book))
        await running[-1].restart()
        return running[-1]

    yield start
    for each in running:
        await each.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    """An empty ledger, for `await serve(book=ledger.book)`."""
    async with a_ledger(tmp_path) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


@pytest.fixture(scope="session")
def chromium() -> Path:
    if not CHROMIUM.exists():
        pytest.fail(f"{CHROMIUM} is missing: run `make setup`")
    return CHROMIUM


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: Path) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        # No request of the browser's own may leave the machine, hence the switches.
        browser = await playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
                "--disable-sync", "--no-first-run"],
        )  # fmt: skip
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser) -> AsyncIterator[Callable[..., Awaitable[Page]]]:
    """Open the page as a new viewer, and wait until it is live unless told not to.

    Any error in a script, dialog or breach of the content policy fails the test.
    """
    complaints: list[str] = []
    viewers: list[BrowserContext] = []

    async def go(page: Running, *, live: bool = True, **context: object) -> Page:
        viewers.append(await browser.new_context(**{"timezone_id": "Asia/Kolkata", **context}))  # type: ignore[arg-type]
        tab = await viewers[-1].new_page()
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        tab.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
        await tab.goto(page.url)
        if live:
            await tab.wait_for_selector("html[data-link=live]")
        return tab

    yield go
    for viewer in viewers:
        await viewer.close()
    assert complaints == []


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], Awaitable[None]]:
    """Wait for a condition of ours, or fail after five seconds: `await until(lambda: server.viewers == 0)`."""

    async def wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 5
        while not condition():
            assert time.monotonic() < deadline, "it did not happen within five seconds"
            await asyncio.sleep(0.01)

    return wait
