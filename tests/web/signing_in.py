"""How an operator signs in on the page."""

from __future__ import annotations

from playwright.async_api import Page

from tests.web.taking import TOKEN


async def sign_in(tab: Page, token: str = TOKEN) -> None:
    await tab.get_by_text("Sign in", exact=True).first.click()
    await tab.get_by_label("Your name").fill("Ada")
    await tab.get_by_label("Token").fill(token)
    await tab.get_by_role("button", name="Sign in").click()
