"""An operator at the page: signing in, declaring, confirming, planning; and what a viewer without the token sees."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.async_api import Page, expect
from pydantic import SecretStr

from ami_bridge.domain.incident import IncidentState
from ami_bridge.domain.orders import Declaration, Maintenance
from ami_bridge.domain.signal import Kind, Subject
from tests.web.house import House, Running
from tests.web.signing_in import sign_in
from tests.web.taking import TOKEN

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

Serve = Callable[..., Awaitable[Running]]
Open = Callable[..., Awaitable[Page]]
Until = Callable[[Callable[[], bool]], Awaitable[None]]


async def test_signing_in_opens_the_desk_and_signing_out_closes_it(serve: Serve, visit: Open, house: House) -> None:
    page = await serve(house.busy(), token=SecretStr(TOKEN))
    tab = await visit(page)
    await expect(tab.locator("[data-order], .desk")).to_have_count(0)
    await sign_in(tab, "not the token")
    await expect(tab.get_by_text("That is not the token.")).to_be_visible()
    await expect(tab.locator("[data-order], .desk")).to_have_count(0)
    await tab.get_by_label("Your name").fill("Ada")
    await tab.get_by_label("Token").fill(TOKEN)
    await tab.get_by_role("button", name="Sign in").click()
    await expect(tab.get_by_text("Signed in as Ada")).to_be_visible()
    await expect(tab.locator(".desk")).to_have_count(2)
    assert await tab.evaluate("document.cookie") == ""
    await tab.get_by_role("button", name="Sign out").click()
    await expect(tab.get_by_text("Sign in", exact=True).first).to_be_visible()
    await expect(tab.locator("[data-order], .desk")).to_have_count(0)


async def test_a_page_without_a_token_says_how_to_get_one(serve: Serve, visit: Open, house: House) -> None:
    tab = await visit(await serve(house.busy()))
    await tab.get_by_text("Read-only").click()
    await expect(tab.get_by_text("Set web.token or KEEPLINE_WEB_TOKEN")).to_be_visible()
    await expect(tab.locator("[data-order], .desk, input")).to_have_count(0)


async def test_an_outage_is_declared(serve: Serve, visit: Open, house: House) -> None:
    page = await serve(house.busy(), token=SecretStr(TOKEN))
    tab = await visit(page)
    await sign_in(tab)
    await tab.get_by_text("Declare an outage").click()
    form = tab.locator("form[data-post='/api/incidents']")
    await form.get_by_label("What").select_option(label="Site vienna on pbx1")
    await form.get_by_label("In callers' words").fill("our office in Vienna")
    await form.get_by_label("Ends by itself").fill("45")
    page.board.publish(replace(house.busy(), now=house.hence(seconds=1)))  # what is typed outlives a change
    await form.get_by_role("button", name="Declare").click()
    await expect(form.get_by_role("status").last).to_have_text(
        "Site vienna is declared out of order for 45 minutes; callers are told."
    )
    [(_, declared)] = page.orders.taken
    assert isinstance(declared, Declaration)
    assert (declared.pbx, declared.subject, declared.told) == ("pbx1", Subject(Kind.SITE, "vienna"), True)
    assert (declared.what, declared.by) == ("our office in Vienna", "Ada")


async def test_what_is_refused_is_said_where_it_was_ordered(serve: Serve, visit: Open, house: House) -> None:
    page = await serve(house.busy(), token=SecretStr(TOKEN))
    page.orders.unknown = {"vienna"}
    tab = await visit(page)
    await sign_in(tab)
    await tab.get_by_text("Declare an outage").click()
    form = tab.locator("form[data-post='/api/incidents']")
    await form.get_by_label("What").select_option(label="Site vienna on pbx1")
    await form.get_by_role("button", name="Declare").click()
    await expect(form.get_by_role("status").last).to_have_text("there is no vienna; name one that is in the settings")
    page.later = 13 * 3600.0
    await form.get_by_role("button", name="Declare").click()
    await expect(form.get_by_role("status").last).to_have_text(
        "Your sign-in has ended: load the page again and sign in."
    )
    await page.stop()
    await form.get_by_role("button", name="Declare").click()
    await expect(form.get_by_role("status").last).to_contain_text("Keepline cannot be reached")
    assert page.orders.taken == []


async def test_a_suspected_incident_waits_for_an_operator_who_presses_twice(
    serve: Serve, visit: Open, house: House, until: Until
) -> None:
    suspected = house.incident(state=IncidentState.SUSPECTED, told=False)
    page = await serve(replace(house.quiet(), incidents=(suspected,)), token=SecretStr(TOKEN))
    tab = await visit(page)
    await sign_in(tab)
    card = tab.locator("#incidents .incident")
    await expect(card.locator(".told")).to_have_text("callers are not told: waiting for an operator")
    await card.get_by_role("button", name="I am looking into it").click()
    await until(lambda: page.orders.taken == [("investigate", "i-1", "Ada")])
    await card.get_by_role("button", name="Confirm and tell callers").click()
    again = card.get_by_role("button", name="Press again: callers will be told")
    await expect(again).to_be_visible()
    assert len(page.orders.taken) == 1
    await again.click()
    await until(lambda: page.orders.taken[-1] == ("confirm", "i-1", "Ada"))
    page.board.publish(replace(house.quiet(), incidents=(house.incident(),)))
    await expect(card.locator(".told")).to_have_text("told to callers of: support")
    await expect(card.locator("[data-order=confirm]")).to_be_hidden()
    await card.get_by_role("button", name="It is over").click()
    await card.get_by_role("button", name="Press again: it is over").click()
    await until(lambda: page.orders.taken[-1] == ("end", "i-1", "Ada"))


async def test_an_incident_that_appears_later_can_be_steered_too(
    serve: Serve, visit: Open, house: House, until: Until
) -> None:
    page = await serve(token=SecretStr(TOKEN))
    tab = await visit(page)
    await sign_in(tab)
    await expect(tab.get_by_text("Signed in as Ada")).to_be_visible()
    page.board.publish(replace(house.quiet(), incidents=(house.incident(),)))
    await tab.get_by_role("button", name="I am looking into it").click()
    await until(lambda: page.orders.taken == [("investigate", "i-1", "Ada")])


async def test_work_is_planned_in_the_viewer_s_time_and_ended(serve: Serve, visit: Open, house: House) -> None:
    page = await serve(house.busy(), token=SecretStr(TOKEN))
    tab = await visit(page, timezone_id="Asia/Kolkata")
    await sign_in(tab)
    await tab.get_by_text("Plan work").click()
    form = tab.locator("form[data-post='/api/maintenance']")
    await form.get_by_label("What").select_option(label="The PBX pbx1")
    begin = house.hence(hours=3).replace(second=0, microsecond=0)
    await form.get_by_label("Begins").fill(f"{begin + timedelta(hours=5, minutes=30):%Y-%m-%dT%H:%M}")
    await form.get_by_label("Tell callers").check()
    await form.get_by_role("button", name="Plan").click()
    await expect(form.get_by_role("status").last).to_have_text(
        "Work on the PBX pbx1 is planned for 60 minutes; callers are told."
    )
    [(_, work)] = page.orders.taken
    assert isinstance(work, Maintenance)
    assert (work.begin, work.end, work.announced) == (begin, begin + timedelta(hours=1), True)
    card = tab.locator("#maintenance .card", has_text="Trunk acme-backup")
    await expect(card).to_contain_text(re.compile("planned by Ada"))
    await card.get_by_role("button", name="End this work").click()
    await card.get_by_role("button", name="Press again: the work is over").click()
    await expect(card.get_by_role("status").last).to_have_text("The planned work is ended.")
    assert page.orders.taken[-1] == ("cancel", "m-1")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_desk_fits_a_phone_and_can_be_read(serve: Serve, visit: Open, house: House, scheme: str) -> None:
    page = await serve(house.busy(), token=SecretStr(TOKEN))
    tab = await visit(page, viewport={"width": 320, "height": 740}, color_scheme=scheme)
    await sign_in(tab, "wrong")
    await expect(tab.get_by_text("That is not the token.")).to_be_visible()
    panel = await tab.locator(".entrance form").bounding_box()
    assert panel is not None
    assert panel["x"] >= 0
    assert panel["x"] + panel["width"] <= 320
    await tab.get_by_label("Token").fill(TOKEN)
    await tab.get_by_role("button", name="Sign in").click()
    await tab.get_by_text("Declare an outage").click()
    await tab.get_by_text("Plan work").click()
    assert await tab.evaluate("document.documentElement.scrollWidth") <= 320
    labelled = await tab.evaluate(
        "[...document.querySelectorAll('main input:not([type=hidden]), main select')]"
        ".every((field) => field.labels.length > 0)"
    )
    assert labelled
