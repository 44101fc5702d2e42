"""The page as a person meets it: in a real Chromium, fed by the real server."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.async_api import Locator, Page, expect

from ami_bridge.domain.incident import IncidentState
from ami_bridge.domain.names import LineName
from ami_bridge.domain.promise import State
from ami_bridge.domain.status import Link, Status
from ami_bridge.web import words
from tests.web.house import House, Running

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

Serve = Callable[..., Awaitable[Running]]
Open = Callable[..., Awaitable[Page]]
LIVE = "html[data-link=live]"


def row(tab: Page, section: str, text: str) -> Locator:
    return tab.locator(f"#{section} tbody tr", has_text=text)


async def test_a_change_appears_without_reloading(serve: Serve, visit: Open, house: House) -> None:
    page = await serve()
    tab = await visit(page)
    await tab.evaluate("window.notReloaded = true")
    await expect(tab.get_by_text("Nobody is waiting.")).to_be_visible()

    unanswered = house.line(
        verdict="unanswered", free_agents=0, announcing={"en": "All agents are busy. Press 1 and we call you back."},
        announced_until=house.hence(minutes=20), waiting=(house.caller("+15551230977", seconds=70),),
    )  # fmt: skip
    page.board.publish(replace(house.quiet(), lines=(unanswered,), promises=(house.promise(),)))
    line = tab.locator("#hear .line")
    await expect(line).to_contain_text("All agents are busy. Press 1 and we call you back.")
    await expect(line).to_contain_text("nobody answers")
    await expect(line).to_contain_text("0 of 4 agents free")
    await expect(row(tab, "waiting", "•••977")).to_contain_text("support")
    await expect(tab.get_by_text("Nobody is waiting.")).to_be_hidden()
    await expect(row(tab, "promises", "•••142")).to_contain_text("waiting")

    kept = house.promise(state=State.KEPT, reason="bridged with agent 101", attempts=1)
    page.board.publish(replace(house.quiet(), promises=(kept,)))
    await expect(row(tab, "promises", "•••142")).to_contain_text("bridged with agent 101")
    await expect(tab.get_by_text("Nothing is owed to anyone.")).to_be_visible()
    await expect(line).to_contain_text("No announcement. Calls go on to the agents as usual.")
    assert await tab.evaluate("window.notReloaded")


async def test_an_incident_is_followed_to_its_end(serve: Serve, visit: Open, house: House) -> None:
    page = await serve(replace(house.quiet(), incidents=(house.incident(),)))
    tab = await visit(page)
    card = tab.locator("#incidents .incident")
    await expect(card.locator("[aria-current=step]")).to_have_text("identified")
    await expect(card).to_contain_text("503 from the carrier")
    more = house.incident(
        state=IncidentState.MONITORING,
        causes=(house.cause(over=True),),
        evidence=house.seen("the trunk does not answer", "503 from the carrier", "the trunk answers again"),
    )
    page.board.publish(replace(house.quiet(), incidents=(more,)))
    await expect(card.locator("[aria-current=step]")).to_have_text("monitoring")
    newest = re.compile(r"^\d\d:\d\d:\d\d qualify: the trunk answers again$")
    await expect(card.locator(".evidence li").last).to_have_text(newest)
    await expect(card.locator(".causes li")).to_contain_text("Trunk acme-primary")
    await expect(card.locator(".causes .chip")).to_have_text("over")
    page.board.publish(replace(house.quiet(), incidents=(house.incident(state=IncidentState.RESOLVED),)))
    await expect(tab.locator("#incidents").get_by_text("No outage.")).to_be_visible()
    await expect(tab.locator("#incidents .log")).to_contain_text("Trunk acme-primary on pbx1")


async def test_waits_run_on_by_themselves(serve: Serve, visit: Open, house: House) -> None:
    waiting = replace(house.quiet(), lines=(house.line(waiting=(house.caller(minutes=2),)),))
    tab = await visit(await serve(waiting))
    wait = tab.locator("#waiting .big")
    before = await wait.inner_text()
    assert before.startswith("2 min ")
    await expect(wait).not_to_have_text(before)


async def test_waits_are_measured_by_the_server_s_clock(serve: Serve, visit: Open, house: House) -> None:
    waiting = replace(house.quiet(), lines=(house.line(waiting=(house.caller(minutes=2),)),))
    page = await serve(waiting)
    page.server._streams._clock = lambda: house.hence(hours=1)  # the viewer's clock is an hour slow, as far as we know
    tab = await visit(page)
    await expect(tab.locator("#waiting .big")).to_have_text("1 h 02 min")


async def test_a_lost_stream_is_said_and_nothing_old_is_shown_as_new(serve: Serve, visit: Open, house: House) -> None:
    waiting = replace(house.quiet(), lines=(house.line(waiting=(house.caller(minutes=2),)),))
    page = await serve(waiting)
    tab = await visit(page)
    await expect(tab.get_by_role("heading", level=2).first).to_have_text(
        "What your callers hear now", use_inner_text=True
    )
    await expect(tab.get_by_role("alert")).to_be_hidden()

    await page.stop()
    alert = tab.get_by_role("alert")
    await expect(alert).to_be_visible()
    await expect(alert).to_contain_text(re.compile(r"Not live since \d\d:\d\d:\d\d: trying again"))
    await expect(tab.locator("#link")).to_contain_text("Not live")
    heading = re.compile(r"^What your callers heard at \d\d:\d\d:\d\d$")
    await expect(tab.get_by_role("heading", level=2).first).to_have_text(heading, use_inner_text=True)
    await expect(tab).to_have_title(re.compile(r"^Not live · "))
    stopped = await tab.locator("#waiting .big").inner_text()
    since = await alert.inner_text()
    await tab.wait_for_timeout(1500)  # longer than a wait takes to move on
    assert await tab.locator("#waiting .big").inner_text() == stopped
    assert await alert.inner_text() == since

    page.board.publish(house.quiet())
    await page.restart()
    await tab.wait_for_selector(LIVE)
    await expect(alert).to_be_hidden()
    await expect(tab.get_by_text("Nobody is waiting.")).to_be_visible()
    await expect(tab).not_to_have_title(re.compile("Not live"))


async def test_a_stream_that_falls_silent_counts_as_lost(serve: Serve, visit: Open) -> None:
    page = await serve(keep_alive=0.6)  # the page then gives up after one second without a word
    tab = await visit(page)
    page.server._streams._settings = replace(page.settings, keep_alive=600.0)
    page.board.publish(page.board.status())  # ends the pause under way; the next is endless
    await expect(tab.get_by_role("alert")).to_contain_text("Not live since")


async def test_a_refused_stream_is_tried_again(serve: Serve, visit: Open) -> None:
    """A browser gives up for good on an event stream that answers 503; the page must not."""
    page = await serve(streams=0)
    tab = await visit(page, live=False)
    await expect(tab.get_by_role("alert")).to_contain_text("Not live since")
    page.server._streams._settings = replace(page.settings, streams=5)
    await tab.wait_for_selector(LIVE)


HOSTILE = (
    "<script>window.hit=1</script><img src=x onerror='window.hit=1'><b>bold</b>{{7*7}}\" onmouseover=\"window.hit=1"
)


async def test_hostile_text_is_inert_whether_served_or_sent_live(serve: Serve, visit: Open, house: House) -> None:
    caller = house.caller(HOSTILE + "5551")
    status = replace(
        house.quiet(),
        lines=(house.line(HOSTILE, announcing={"en": HOSTILE}, verdict=HOSTILE, waiting=(caller,)),),
        promises=(house.promise(HOSTILE, reason=HOSTILE, held=True, line=LineName(HOSTILE)),),
        incidents=(house.incident(evidence=house.seen(HOSTILE), lines=(LineName(HOSTILE),), what=HOSTILE),),
        pbxs=(house.pbx(detail=HOSTILE, version=HOSTILE),),
        trunks=(house.trunk(HOSTILE, health=HOSTILE, evidence=house.seen(HOSTILE)),),
        maintenance=(house.maintenance(what=HOSTILE, by=HOSTILE),),
    )
    page = await serve(status)
    for state in ("served", "sent live"):
        tab = await visit(page)
        if state == "sent live":
            page.board.publish(house.quiet())
            await expect(tab.locator("#hear .line h3")).to_have_text("support")
            page.board.publish(status)
        await expect(tab.locator("#hear .said")).to_have_text(HOSTILE)
        await expect(tab.locator("#hear .line h3")).to_have_text(HOSTILE)
        await expect(tab.locator("#promises .why").first).to_contain_text(HOSTILE)
        await expect(tab.locator("#promises .owed h3")).to_have_text(HOSTILE)
        await expect(tab.locator("#promises [data-list=held] li")).to_contain_text(HOSTILE)
        await expect(tab.locator("#waiting .number")).to_have_text("•••551")
        assert await tab.locator("main script, main img, main b, [onmouseover], [onerror]").count() == 0
        assert await tab.evaluate("window.hit") is None


async def test_the_page_kept_live_is_the_page_served_anew(serve: Serve, visit: Open, house: House) -> None:
    """Template and script render one document: what the script made of it is what the template makes of it."""
    page = await serve(Status(now=house.now))
    live = await visit(page, timezone_id="UTC")
    for status in (house.quiet(), house.busy(), house.quiet(), house.busy()):
        page.board.publish(status)
        await expect(live.locator("#trunks .card")).to_have_count(len(status.trunks))
    served = await visit(page, timezone_id="UTC", live=False, java_script_enabled=False)
    assert await live.evaluate(OUTLINE) == await served.evaluate(OUTLINE)


# The main part's markup, without what moves with the clock (times in words) and how a page writes its zone.
OUTLINE = """() => {
  const main = document.querySelector("main").cloneNode(true);
  for (const el of main.querySelectorAll("[data-at], time")) el.textContent = "";
  for (const el of main.querySelectorAll("[class='overdue'], [class='']")) el.removeAttribute("class");
  const sorted = (el) => [...el.attributes].map((a) => `${a.name}=${a.value}`).sort().join(" ");
  const walk = (el) => [`<${el.localName} ${sorted(el)}>`,
    ...[...el.childNodes].flatMap((n) => n.nodeType === 1 ? walk(n) : [n.textContent.trim()]).filter(Boolean)];
  return walk(main);
}"""


async def test_a_row_keeps_its_element_and_a_reader_s_selection_through_changes(
    serve: Serve, visit: Open, house: House
) -> None:
    first, second = house.promise(), house.promise("+15551230977")
    page = await serve(replace(house.quiet(), promises=(first, second)))
    tab = await visit(page)
    await tab.evaluate("window.kept = document.querySelector('#promises tbody tr:nth-child(2)')")
    page.board.publish(replace(house.quiet(), promises=(replace(second, state=State.RINGING),)))
    await expect(row(tab, "promises", "•••977")).to_contain_text("ringing")
    assert await tab.evaluate("window.kept === document.querySelector('#promises tbody tr')")


async def test_times_are_in_the_viewer_s_zone_and_in_utc_on_hovering(serve: Serve, visit: Open, house: House) -> None:
    page = await serve(replace(house.quiet(), incidents=(house.incident(),)))
    tab = await visit(page, timezone_id="Asia/Kolkata")  # UTC+5:30: hours and minutes both differ
    began = tab.locator("#incidents .facts time[data-time=since]")
    since = house.incident().since
    await expect(began).to_have_text(re.compile(f"{since + timedelta(hours=5, minutes=30):%H:%M:%S}$"))
    await expect(began).to_have_attribute("title", f"{since:%Y-%m-%d %H:%M:%S} UTC")


async def test_a_page_without_script_says_that_it_stands_still(serve: Serve, visit: Open, house: House) -> None:
    tab = await visit(await serve(house.busy()), live=False, java_script_enabled=False)
    await expect(tab.locator("noscript .lost")).to_contain_text("Not live: without JavaScript")
    heading = tab.get_by_role("heading", level=2).first
    await expect(heading).to_have_text(
        re.compile(r"^What your callers heard at \d\d:\d\d:\d\d UTC$"), use_inner_text=True
    )


async def test_a_pbx_that_is_lost_makes_its_lines_doubtful_at_once(serve: Serve, visit: Open, house: House) -> None:
    page = await serve()
    tab = await visit(page)
    await expect(tab.locator("#hear .chip")).to_have_text("answered")
    page.board.publish(replace(house.quiet(), pbxs=(house.pbx(link=Link.CONNECTING, since=house.now),)))
    await expect(tab.locator("#hear .chip")).to_have_text("not watched, last known: answered")
    await expect(tab.locator("#hear .doubt")).to_contain_text("this is what was known then")
    await expect(tab.locator("#waiting")).to_contain_text("Nobody is known to wait, but not every PBX is watched.")


async def test_browser_and_server_say_spans_alike(serve: Serve, visit: Open) -> None:
    tab = await visit(await serve())
    seconds = [-3, 0, 1, 59, 60, 61, 599, 3599, 3600, 3661, 86399, 172799, 172800, 900000]
    said = await tab.evaluate(
        f"import('/static/times.js').then(t => {json.dumps(seconds)}.map(s => t.elapsed(s * 1000)))"
    )
    assert said == [words.elapsed(timedelta(seconds=s)) for s in seconds]
