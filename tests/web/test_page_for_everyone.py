"""The page on every width, for the keyboard, for a screen reader, and for eyes that see colours differently."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import pairwise

import pytest
from playwright.async_api import Page, expect

from tests.web.house import House, Running

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

Serve = Callable[..., Awaitable[Running]]
Open = Callable[..., Awaitable[Page]]


@pytest.mark.parametrize("width", [320, 360, 768, 1280, 1920])
async def test_no_width_scrolls_sideways(serve: Serve, visit: Open, house: House, width: int) -> None:
    long = house.line("a-line-with-quite-a-long-name-" * 3, announcing={"en": "w" * 200})
    busy = house.busy()
    page = await serve(replace(busy, lines=(*busy.lines, long)))
    tab = await visit(page, viewport={"width": width, "height": 740})
    assert await tab.evaluate("document.documentElement.scrollWidth") <= width
    if width <= 360:
        assert await tab.evaluate(CLIPPED) == []


# What is cut off inside its own box; column heads are, on purpose, at this width: each cell names its column.
CLIPPED = """() => [...document.querySelectorAll("main *")]
  .filter((el) => el.clientWidth && el.scrollWidth > el.clientWidth + 1 && !el.closest("thead"))
  .map((el) => el.outerHTML.slice(0, 80))"""


async def test_the_page_is_built_for_those_who_do_not_see_it(serve: Serve, visit: Open, house: House) -> None:
    tab = await visit(await serve(house.busy()))
    for landmark in ("banner", "main", "contentinfo"):
        await expect(tab.get_by_role(landmark)).to_have_count(1)  # type: ignore[arg-type]
    levels = await tab.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(h => Number(h.localName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert await tab.locator("html").get_attribute("lang") == "en"
    for name in (
        "What your callers hear now",
        "Incidents",
        "Waiting callers",
        "Promises",
        "PBX links",
        "Trunks",
        "Planned work",
        "Sites",
    ):
        await expect(tab.get_by_role("region", name=re.compile(f"^{name}"))).to_have_count(1)
    for name in ("Waiting callers", "Promises", "Lately ended"):
        table = tab.get_by_role("table", name=name)
        heads = await table.get_by_role("columnheader").all_inner_texts()
        cells = table.get_by_role("row").nth(1).locator("th, td")
        assert len(heads) == await cells.count()
        assert all(heads)
    assert await tab.evaluate(
        "new Set([...document.querySelectorAll('[id]')].map(e => e.id)).size"
    ) == await tab.evaluate("document.querySelectorAll('[id]').length")


async def test_a_table_stays_a_table_on_a_phone(serve: Serve, visit: Open, house: House) -> None:
    tab = await visit(await serve(house.busy()), viewport={"width": 360, "height": 740})
    table = tab.get_by_role("table", name="Waiting callers")
    await expect(table.get_by_role("row")).to_have_count(4)
    await expect(table.get_by_role("columnheader")).to_have_count(5)
    await expect(table.get_by_role("rowheader").first).to_have_text("•••142")


async def test_the_keyboard_reaches_what_can_be_used_and_shows_where_it_is(
    serve: Serve, visit: Open, house: House
) -> None:
    tab = await visit(await serve(house.busy()))
    await tab.keyboard.press("Tab")
    skip = tab.get_by_role("link", name="Skip to what callers hear")
    await expect(skip).to_be_focused()
    await expect(skip).to_be_in_viewport()
    assert await skip.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
    await tab.keyboard.press("Enter")
    await expect(tab.locator("#hear")).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_all_text_has_enough_contrast(serve: Serve, visit: Open, house: House, scheme: str) -> None:
    tab = await visit(await serve(house.busy()), color_scheme=scheme)
    faint = await tab.evaluate(CONTRAST)
    assert faint == []


# Every element that holds text, against the nearest background behind it: WCAG 2.2, 1.4.3 asks for 4.5 to 1.
CONTRAST = """() => {
  const parse = (css) => css.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (el) => {
    for (let at = el; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const el of document.querySelectorAll("body *")) {
    const own = [...el.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !el.checkVisibility()) continue;
    const [a, b] = [light(parse(getComputedStyle(el).color)), light(behind(el))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) faint.push(`${el.textContent.trim()}: ${ratio.toFixed(2)}`);
  }
  return faint;
}"""


async def test_every_state_is_told_in_words_and_by_a_sign(serve: Serve, visit: Open, house: House) -> None:
    tab = await visit(await serve(house.busy()))
    chips = await tab.evaluate(
        "[...document.querySelectorAll('main .chip')].map(c => [c.dataset.tone, c.innerText.trim(),"
        " getComputedStyle(c, '::before').content])"
    )
    assert {tone for tone, _, _ in chips} == {"good", "busy", "warn", "bad", "unknown", "quiet"}
    assert all(text for _, text, _ in chips)
    assert len({sign for _, _, sign in chips}) == 6
