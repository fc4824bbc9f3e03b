"""The chat at `/demo` in both themes, on a phone, by keyboard, and when something is amiss."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.browser.chatting import Chat
from tests.browser.conftest import NewPage, shoot
from tests.harness.api import Server, StartServer

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture
async def server(start_server: StartServer) -> Server:
    return await start_server(daily_limits=True, guest_messages=100, guest_address_messages=100)


async def colour(page: Page) -> str:
    return await page.evaluate("getComputedStyle(document.body).backgroundColor")


async def test_both_themes(server: Server, new_page: NewPage) -> None:
    chat = Chat(await new_page(color_scheme="dark"), server)
    await chat.start()
    await chat.ask("Build a landing page for a farm shop")
    await shoot(chat.page, "demo-dark")
    dark = await colour(chat.page)
    await chat.button("Theme: system").click()
    await expect(chat.button("Theme: light")).to_be_visible()
    assert await colour(chat.page) != dark
    await shoot(chat.page, "demo-light")
    await chat.page.reload()
    await expect(chat.answer).to_be_visible()
    assert await colour(chat.page) != dark
    await chat.button("Theme: light").click()
    assert await colour(chat.page) == dark


async def test_a_phone(server: Server, new_page: NewPage) -> None:
    chat = Chat(await new_page(**PHONE), server)
    await chat.page.goto(f"{server.url}/demo")
    await expect(chat.button("Start as a guest")).to_be_visible()
    await shoot(chat.page, "demo-phone-welcome")
    await chat.start()
    await chat.ask("Build a landing page for a farm shop")
    await expect(chat.lists).to_be_hidden()
    await shoot(chat.page, "demo-phone")
    width = "document.documentElement.scrollWidth"
    assert await chat.page.evaluate(width) == PHONE["viewport"]["width"]
    await chat.button("Show conversations").click()
    await expect(chat.lists.get_by_role("link")).to_be_visible()
    await shoot(chat.page, "demo-phone-list")
    await chat.lists.get_by_role("link").click()
    await expect(chat.lists).to_be_hidden()


async def test_the_keyboard_is_enough(server: Server, page: Page) -> None:
    chat = Chat(page, server)
    await page.goto(f"{server.url}/demo")
    await page.keyboard.press("Tab")
    await expect(chat.button("Start as a guest")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(chat.draft).to_be_focused()
    await page.keyboard.type("Jam")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("[[echo:Jam it is.]]")
    await page.keyboard.press("Enter")
    await chat.answered("Jam it is.")
    await expect(chat.draft).to_be_focused()
    await chat.button("More about this conversation").press("Enter")
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_role("menuitem", name="Pin")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("menu")).to_have_count(0)
    await expect(chat.button("More about this conversation")).to_be_focused()


async def test_what_could_not_be_sent_stays_in_the_box(server: Server, page: Page) -> None:
    chat = Chat(page, server)
    await chat.start()
    await page.route("**/graphql", lambda route: route.abort())
    await chat.draft.fill("Tell me about jam")
    await chat.draft.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("Please try again.")
    await expect(chat.draft).to_have_value("Tell me about jam")
    await page.reload()
    await expect(page.get_by_text("The connection is lost.")).to_be_visible()
    await page.unroute("**/graphql")
    await expect(chat.draft).to_have_value("Tell me about jam")
    await chat.draft.press("Enter")
    await chat.answered()
    await expect(page.get_by_text("The connection is lost.")).to_be_hidden()


async def test_a_token_that_ended_leads_back_to_the_welcome(server: Server, page: Page) -> None:
    chat = Chat(page, server)
    await chat.start()
    await page.evaluate("localStorage.setItem('punnet:token', 'no.such.token')")
    await page.reload()
    await chat.button("Start as a guest").click()
    await chat.ask("Jam [[echo:Jam it is.]]")


async def test_two_tabs_show_the_same(server: Server, page: Page) -> None:
    first = Chat(page, server)
    await first.start()
    await first.ask("Jam [[echo:Jam it is.]]")
    second = Chat(await page.context.new_page(), server)
    await second.page.goto(page.url)
    await expect(second.answer).to_contain_text("Jam it is.")
    await second.ask("Cake [[echo:Cake it is.]]")
    await expect(first.answer).to_contain_text("Cake it is.")
    await expect(first.messages).to_have_count(4)
