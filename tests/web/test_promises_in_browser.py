"""What is owed, on the page: line by line, red when it may come to nothing, and changed by whoever is signed in."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from playwright.async_api import Page, expect
from pydantic import SecretStr

from ami_bridge.domain.names import LineName, PromiseId
from ami_bridge.domain.promise import State
from ami_bridge.domain.status import Status
from tests.web.house import House, Running
from tests.web.ledger import Ledger
from tests.web.signing_in import sign_in
from tests.web.taking import TOKEN

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

Serve = Callable[..., Awaitable[Running]]
Open = Callable[..., Awaitable[Page]]
HOURS = "outside calling hours where they are"


def owing(house: House) -> Status:
    """Two lines owe calls; one of support's is held until it expires."""
    first = house.promise("+15551230142", id=PromiseId("p1"), state=State.RINGING, attempts=1)
    held = house.promise("+15551230977", id=PromiseId("p2"), held=True, reason=HOURS, not_before=house.hence(hours=14))
    late = house.promise(
        "+15551230555", id=PromiseId("p3"), held=True, reason="no trunk is up",
        arrived=house.ago(hours=94), expires=house.hence(hours=2),
    )  # fmt: skip
    sales = house.promise("+15551230333", id=PromiseId("p4"), line=LineName("sales"))
    return replace(house.quiet(), lines=(house.line(), house.line("sales")), promises=(first, held, late, sales))


async def test_each_line_tells_what_it_owes_and_what_is_in_danger(serve: Serve, visit: Open, house: House) -> None:
    page = await serve(owing(house))
    tab = await visit(page)
    support, sales = tab.locator("#promises .owed").all(), tab.locator("#promises .owed").nth(1)
    [first, _] = await support
    await expect(first.locator(".chip")).to_have_text("3 owed")
    await expect(first.locator(".alarm")).to_contain_text("1 promise about to come to nothing")
    assert await first.get_attribute("data-tone") == "bad"
    red = await tab.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--bad')")
    shown = await first.evaluate("e => getComputedStyle(e).borderLeftColor")
    assert shown == "rgb({}, {}, {})".format(*(int(red.strip()[at : at + 2], 16) for at in (1, 3, 5)))
    await expect(first.locator("[data-list=next] li")).to_have_text(
        [re.compile(r"•••142 being called: the phone rings \(since .*\)")]
    )
    await expect(first.locator("[data-list=held] li")).to_have_text(
        [re.compile(f"1 held: {HOURS} until "), "1 held: no trunk is up"], use_inner_text=True
    )
    await expect(sales.locator(".chip")).to_have_text("1 owed")
    await expect(sales.locator(".alarm")).to_be_hidden()
    await expect(tab.locator(".glance")).to_contain_text("1 promise about to expire")
    row = tab.locator("#promises tbody tr", has_text="•••555")
    await expect(row.locator(".chip")).to_have_text("about to expire")
    await expect(row.locator(".alarm")).to_contain_text("Expires at")

    page.board.publish(house.quiet())
    await expect(tab.locator("#promises .owed")).to_have_count(0)
    await expect(tab.get_by_text("Nothing is owed to anyone.")).to_be_visible()


@pytest.mark.parametrize("width", [360, 1400])
async def test_what_is_owed_fits_every_screen(serve: Serve, visit: Open, house: House, width: int) -> None:
    page = await serve(owing(house), token=SecretStr(TOKEN))
    tab = await visit(page, viewport={"width": width, "height": 900})
    await sign_in(tab)
    for change in await tab.locator("#promises .change summary").all():
        await change.click()
    await expect(tab.locator("#promises form").first).to_be_visible()
    assert await tab.evaluate("document.documentElement.scrollWidth") <= width
    assert await tab.evaluate(
        "[...document.querySelectorAll('#promises *')].filter((e) => e.clientWidth &&"
        " e.scrollWidth > e.clientWidth + 1 && !e.closest('thead')).map((e) => e.outerHTML.slice(0, 80))"
    ) == []  # fmt: skip


async def test_only_who_is_signed_in_may_change_what_is_owed(serve: Serve, visit: Open, house: House) -> None:
    tab = await visit(await serve(owing(house), token=SecretStr(TOKEN)))
    await expect(tab.locator("#promises .change")).to_have_count(0)
    assert "5551230" not in await tab.content()


async def test_a_promise_is_called_off_and_another_called_again(
    serve: Serve, visit: Open, house: House, ledger: Ledger
) -> None:
    await ledger.owe("p2", "+15551230977")
    await ledger.owe("p4", "+15551230333")
    page = await serve(owing(house), book=ledger.book, token=SecretStr(TOKEN))
    tab = await visit(page)
    await sign_in(tab)
    row = tab.locator("#promises tbody tr", has_text="•••977")
    await row.get_by_text("Change").click()
    await row.get_by_label("Why").fill("we spoke already")
    await row.get_by_role("button", name="Call it off").click()
    await expect(row.get_by_role("status").first).to_have_text("The promise is withdrawn.")
    ringing = tab.locator("#promises tbody tr", has_text="•••142")
    await ringing.get_by_text("Change").click()
    await expect(ringing.get_by_role("button", name="Call it off")).to_be_visible()
    await expect(ringing.get_by_role("button", name="Call them again")).to_be_hidden()
    ended = await ledger.store.promises.get(PromiseId("p2"))
    assert ended is not None
    assert (ended.state, ended.reason) == (State.WITHDRAWN, "withdrawn by Ada: we spoke already")

    row = tab.locator("#promises tbody tr", has_text="•••333")
    await row.get_by_text("Change").click()
    await row.get_by_role("button", name="Call them again").click()
    await row.get_by_role("button", name="Press again").click()
    await expect(row.get_by_role("status").last).to_contain_text("The promise is tried again")
    waiting = await ledger.store.promises.get(PromiseId("p4"))
    assert waiting is not None
    assert waiting.reason == "Ada wants it tried now"
