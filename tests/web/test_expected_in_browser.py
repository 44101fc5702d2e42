"""An operator names when it should be fixed, is told when that has passed, and brings own words; callers' languages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, Route, expect
from pydantic import SecretStr

from ami_bridge.domain.orders import Declaration
from ami_bridge.domain.signal import Kind, Subject
from tests.web.house import House, Running
from tests.web.keeping import tone
from tests.web.signing_in import sign_in
from tests.web.taking import TOKEN

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

Serve = Callable[..., Awaitable[Running]]
Open = Callable[..., Awaitable[Page]]
Until = Callable[[Callable[[], bool]], Awaitable[None]]

NOTICE = "The time named to callers has passed: callers now hear that it takes longer. Name a new time."


async def test_a_time_is_named_in_the_viewer_s_zone_and_taken_back(
    serve: Serve, visit: Open, house: House, until: Until
) -> None:
    page = await serve(replace(house.quiet(), incidents=(house.incident(),)), token=SecretStr(TOKEN))
    tab = await visit(page, timezone_id="Asia/Kolkata")
    await sign_in(tab)
    card = tab.locator("#incidents .incident")
    await expect(card.get_by_role("button", name="Name no time")).to_be_hidden()
    expected = house.hence(hours=3).replace(second=0, microsecond=0)
    await card.get_by_label("Should be fixed by").fill(f"{expected + timedelta(hours=5, minutes=30):%Y-%m-%dT%H:%M}")
    await card.get_by_role("button", name="Name this time").press("Enter")  # no mouse is needed
    await expect(card.get_by_role("status").last).to_have_text("The time by which it should be fixed is noted.")
    assert page.orders.taken == [("expect", "i-1", expected, "Ada")]
    page.board.publish(replace(house.quiet(), incidents=(house.incident(expected=expected),)))
    await expect(card.locator(".facts")).to_contain_text(
        f"should be fixed by {expected + timedelta(hours=5, minutes=30):%H:%M}"
        if (expected + timedelta(hours=5, minutes=30)).date() == (house.now + timedelta(hours=5, minutes=30)).date()
        else "should be fixed by"
    )
    await card.get_by_role("button", name="Name no time").click()
    assert len(page.orders.taken) == 1
    await card.get_by_role("button", name="Press again: no time will be named").click()
    await until(lambda: page.orders.taken[-1] == ("expect", "i-1", None, "Ada"))


async def test_a_time_that_cannot_be_is_refused_where_it_was_named(serve: Serve, visit: Open, house: House) -> None:
    page = await serve(replace(house.quiet(), incidents=(house.incident(),)), token=SecretStr(TOKEN))
    tab = await visit(page)
    await sign_in(tab)
    card = tab.locator("#incidents .incident")
    field = card.get_by_label("Should be fixed by")
    await card.get_by_role("button", name="Name this time").click()  # the browser asks for a time first
    await field.fill("2020-01-01T12:00")
    await card.get_by_role("button", name="Name this time").click()
    await expect(card.get_by_role("status").last).to_contain_text("has passed already")
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(field).to_be_focused()
    assert page.orders.taken == []


async def test_a_time_that_passes_cannot_be_missed(serve: Serve, visit: Open, house: House) -> None:
    promised = house.incident(expected=house.hence(seconds=30))
    page = await serve(replace(house.quiet(), incidents=(promised,)))
    tab = await visit(page)
    notice = tab.get_by_role("alert").filter(has_text="passed")
    await expect(notice).to_have_count(0)
    page.board.publish(replace(house.quiet(), now=house.hence(seconds=31), incidents=(promised,)))
    await expect(notice).to_have_text(NOTICE)
    await expect(notice).to_be_visible()
    await expect(tab.locator(".glance")).to_contain_text("1 named time passed: name a new one")
    await expect(tab).to_have_title("1 named time passed: name a new one · Keepline")
    quiet = house.incident(expected=house.ago(minutes=1), told=False)
    page.board.publish(replace(house.quiet(), incidents=(quiet,)))
    await expect(notice).to_have_text("The time by which it should be fixed has passed. Name a new time.")
    page.board.publish(replace(house.quiet(), incidents=(house.incident(expected=house.hence(hours=1)),)))
    await expect(notice).to_have_count(0)


async def test_each_language_is_shown_with_its_name_and_marked_as_what_it_is(
    serve: Serve, visit: Open, house: House
) -> None:
    german = house.line(announcing={"de": "Es gibt eine Störung."})
    page = await serve(replace(house.quiet(), lines=(german,)))
    tab = await visit(page)
    said = tab.locator("#hear .said")
    await expect(said.locator("li")).to_have_count(1)
    await expect(said.locator(".label")).to_be_hidden()  # one alone needs no name
    await expect(said.locator("blockquote")).to_have_attribute("lang", "de")
    both = house.line(announcing={"de": "Es gibt eine Störung.", "en": "There is a fault."}, told_waiting=2)
    page.board.publish(replace(house.quiet(), lines=(both,)))
    await expect(said.locator("li")).to_have_text(["German Es gibt eine Störung.", "English There is a fault."])
    await expect(said.locator(".label").first).to_be_visible()
    assert await said.locator("blockquote").evaluate_all("all => all.map(e => e.lang)") == ["de", "en"]
    await expect(tab.locator("#hear .facts")).to_contain_text("2 callers told while waiting")
    page.board.publish(house.quiet())
    await expect(said).to_be_hidden()


async def desk(tab: Page) -> Locator:
    await sign_in(tab)
    await tab.get_by_text("Declare an outage").click()
    return tab.locator("form[data-post='/api/incidents']")


async def test_an_operator_s_own_words_are_heard_before_they_are_said(
    serve: Serve, visit: Open, house: House, tmp_path: Path
) -> None:
    page = await serve(house.busy(), token=SecretStr(TOKEN))
    tab = await visit(page)
    form = await desk(tab)
    (tmp_path / "words.wav").write_bytes(tone(1.5))
    await expect(form.locator("audio")).to_be_hidden()
    await form.get_by_label("Own words are in").select_option("German")
    await form.get_by_label("Own words, as a sound file").set_input_files(tmp_path / "words.wav")
    await expect(form.get_by_role("status").first).to_have_text("The recording is kept: 1.5 s.")
    assert page.recordings.kept == [(tone(1.5), "de")]
    await expect(form.locator("audio")).to_be_visible()
    await form.locator("audio").evaluate("player => player.play()")
    assert await form.locator("audio").evaluate("player => player.duration") == pytest.approx(1.5, abs=0.05)
    await form.get_by_label("What").select_option(label="Tenant acme on pbx1")
    expected = house.hence(hours=2).replace(second=0, microsecond=0)
    await form.get_by_label("Should be fixed by").fill(f"{expected + timedelta(hours=5, minutes=30):%Y-%m-%dT%H:%M}")
    await form.get_by_role("button", name="Declare").click()
    await expect(form.get_by_role("status").last).to_have_text(
        "Tenant acme is declared out of order for 120 minutes; callers are told in your own words."
    )
    [(_, declared)] = page.orders.taken
    assert isinstance(declared, Declaration)
    assert (declared.subject, declared.expected) == (Subject(Kind.TENANT, "acme"), expected)
    assert page.recordings.path(declared.recording) is not None
    await expect(form.locator("audio")).to_be_hidden()  # the next declaration starts without them
    assert await form.locator("[name=recording]").input_value() == ""


async def test_words_that_cannot_be_used_or_are_left_out_are_not_ordered(
    serve: Serve, visit: Open, house: House, tmp_path: Path
) -> None:
    page = await serve(house.busy(), token=SecretStr(TOKEN))
    tab = await visit(page)
    form = await desk(tab)
    (tmp_path / "words.txt").write_text("We are on it.")
    (tmp_path / "long.wav").write_bytes(bytes(10_000_001))
    (tmp_path / "words.wav").write_bytes(tone())
    file, outcome = form.get_by_label("Own words, as a sound file"), form.get_by_role("status").first
    for name, said in (("words.txt", "no sound file that can be read"), ("long.wav", "larger than 10 MB")):
        await file.set_input_files(tmp_path / name)
        await expect(outcome).to_contain_text(said)
        await expect(form.locator("audio")).to_be_hidden()
        assert await file.input_value() == ""
    await file.set_input_files(tmp_path / "words.wav")
    await expect(form.locator("audio")).to_be_visible()
    await form.get_by_role("button", name="Leave them out").click()
    await expect(form.locator("audio")).to_be_hidden()
    await expect(file).to_be_focused()
    await form.get_by_label("What").select_option(label="Site vienna on pbx1")
    await form.get_by_role("button", name="Declare").click()
    await expect(form.get_by_role("status").last).to_contain_text("callers are told.")
    [(_, declared)] = page.orders.taken
    assert isinstance(declared, Declaration)
    assert (declared.recording, declared.expected) == ("", None)


async def test_the_file_chosen_last_is_the_one_that_is_ordered(
    serve: Serve, visit: Open, house: House, tmp_path: Path, until: Until
) -> None:
    page = await serve(house.busy(), token=SecretStr(TOKEN))
    tab = await visit(page)
    form = await desk(tab)
    held: list[Route] = []

    async def hold(sending: Route) -> None:  # the first is let go when the second has been answered
        held.append(sending)

    await tab.route("**/api/recordings?*", hold)
    (tmp_path / "first.wav").write_bytes(tone(1))
    (tmp_path / "second.wav").write_bytes(tone(2))
    file = form.get_by_label("Own words, as a sound file")
    await file.set_input_files(tmp_path / "first.wav")
    await expect(form.get_by_role("button", name="Declare")).to_be_disabled()
    await file.set_input_files(tmp_path / "second.wav")
    await until(lambda: len(held) == 2)
    await held[1].continue_()
    await expect(form.get_by_role("status").first).to_have_text("The recording is kept: 2.0 s.")
    chosen = await form.locator("[name=recording]").input_value()
    async with tab.expect_response("**/api/recordings?*"):
        await held[0].continue_()
    await expect(form.get_by_role("status").first).to_have_text("The recording is kept: 2.0 s.")
    assert await form.locator("[name=recording]").input_value() == chosen


async def test_a_companion_that_keeps_no_recordings_does_not_ask_for_them(
    serve: Serve, visit: Open, house: House
) -> None:
    page = await serve(house.busy(), token=SecretStr(TOKEN))
    await page.stop()
    page.recordings = None
    await page.restart()
    tab = await visit(page)
    form = await desk(tab)
    await expect(form.get_by_label("Should be fixed by")).to_be_visible()
    await expect(form.locator("input[type=file], audio")).to_have_count(0)
    await form.get_by_label("What").select_option(label="Site vienna on pbx1")
    await form.get_by_role("button", name="Declare").click()
    await expect(form.get_by_role("status").last).to_contain_text("callers are told.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everything_fits_a_phone(serve: Serve, visit: Open, house: House, tmp_path: Path, scheme: str) -> None:
    page = await serve(house.busy(), token=SecretStr(TOKEN))
    tab = await visit(page, viewport={"width": 360, "height": 740}, color_scheme=scheme)
    form = await desk(tab)
    (tmp_path / "words.wav").write_bytes(tone())
    await form.get_by_label("Own words, as a sound file").set_input_files(tmp_path / "words.wav")
    await expect(form.locator("audio")).to_be_visible()
    assert await tab.evaluate("document.documentElement.scrollWidth") <= 360
