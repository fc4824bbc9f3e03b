"""The chat at `/demo`: links for others, and the list of conversations."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from tests.browser.chatting import Chat
from tests.browser.conftest import NewPage, shoot, watch
from tests.harness.api import Server, StartServer


@pytest.fixture
async def server(start_server: StartServer) -> Server:
    return await start_server()


@pytest.fixture
async def chat(server: Server, page: Page) -> Chat:
    """A guest with an answered question."""
    chat = Chat(page, server)
    await chat.start()
    await chat.ask("Quince jam [[echo:Take two quinces.]]")
    return chat


async def link_of(
    chat: Chat, mode: str = "Anyone with the link", what: str = "As it goes on"
) -> str:
    """Share the open conversation by a new link; the dialog stays open."""
    await chat.button("Share").click()
    dialog = chat.page.get_by_role("dialog", name="Share this conversation")
    await dialog.get_by_role("radio", name=mode).check()
    await dialog.get_by_role("combobox", name="What they see").select_option(what)
    await dialog.get_by_role("button", name="Create a link").click()
    return await dialog.get_by_role("textbox", name="Link").input_value()


async def close_dialog(chat: Chat) -> None:
    await chat.page.keyboard.press("Escape")
    await expect(chat.page.get_by_role("dialog")).to_have_count(0)


async def test_a_link_opens_in_a_second_browser(chat: Chat, new_page: NewPage) -> None:
    link = await link_of(chat)
    await shoot(chat.page, "demo-sharing")
    other = await new_page()
    seen = watch(other)
    await other.goto(link)
    shown = other.get_by_role("list", name="Messages").get_by_role("listitem")
    await expect(shown.last).to_contain_text("Take two quinces.")
    await expect(other.get_by_role("textbox")).to_have_count(0)
    await shoot(other, "demo-shared")

    await close_dialog(chat)
    await chat.ask("And plums? [[echo:Six plums.]]")
    await expect(shown.last).to_contain_text("Six plums.")  # the link is live

    await chat.button("Share").click()
    await chat.button("End").click()
    await expect(shown.last).to_contain_text("The link has ended")
    await expect(other.get_by_text("quinces")).to_have_count(0)
    assert seen.complaints == []


async def test_a_reader_goes_on_in_a_conversation_of_their_own(
    chat: Chat, new_page: NewPage
) -> None:
    link = await link_of(chat, what="As it is now")
    await close_dialog(chat)
    await chat.ask("And plums? [[echo:Six plums.]]")
    reader = Chat(await new_page(), chat.server)
    await reader.page.goto(link)
    await reader.button("Continue in a conversation of your own").click()
    await expect(reader.draft).to_be_visible()
    await expect(reader.messages).to_have_count(2)  # as it was
    await reader.ask("And pears? [[echo:Three pears.]]")
    await expect(reader.messages).to_have_count(4)
    await expect(chat.answer).to_contain_text("Six plums.")


async def test_a_link_for_users_keeps_guests_out(chat: Chat, new_page: NewPage) -> None:
    link = await link_of(chat, "Signed-in people")
    guest = Chat(await new_page(), chat.server)
    await guest.start()
    await guest.page.goto(link)
    await expect(guest.messages).to_contain_text("people who are signed in")
    await expect(guest.page.get_by_text("quinces")).to_have_count(0)


async def test_a_link_for_named_people_says_for_whom(chat: Chat) -> None:
    await chat.button("Share").click()
    await chat.page.get_by_role("radio", name="Named people").check()
    await chat.page.get_by_role("textbox", name="Addresses").fill("ada@example.com, not-one")
    await chat.button("Create a link").click()
    await expect(chat.page.get_by_role("alert")).to_contain_text(re.compile("address", re.I))
    await chat.page.get_by_role("textbox", name="Addresses").fill("ada@example.com")
    await chat.button("Create a link").click()
    links = chat.page.get_by_role("region", name="Links").get_by_role("listitem")
    await expect(links).to_contain_text("Named people: ada@example.com")


async def test_conversations_are_found_renamed_pinned_and_deleted(chat: Chat) -> None:
    await expect(chat.title).to_have_text("Quince jam")
    await chat.button("New chat").click()
    await expect(chat.messages).to_have_count(0)
    await chat.ask("Slow roses [[echo:Prune them in March.]]")
    await expect(chat.lists.get_by_role("link")).to_have_text(["Slow roses", "Quince jam"])

    search = chat.page.get_by_role("searchbox")
    await search.fill("quinces")
    await expect(chat.lists.locator("mark")).to_have_text(["quinces"])
    await shoot(chat.page, "demo-search")
    await chat.lists.get_by_role("link", name="Quince jam").click()
    await expect(chat.answer).to_contain_text("Take two quinces.")
    await search.fill("")

    await choose_in_menu(chat, "Quince jam", "Pin")
    pinned = chat.lists.get_by_role("region", name="Pinned").get_by_role("link")
    await expect(pinned).to_have_text(["Quince jam"])
    await choose_in_menu(chat, "Quince jam", "Rename")
    await chat.page.get_by_role("textbox", name="Title").fill("Jam for winter")
    await chat.button("Save").click()
    await expect(pinned).to_have_text(["Jam for winter"])
    await expect(chat.title).to_have_text("Jam for winter")
    await shoot(chat.page, "demo-pinned")

    await choose_in_menu(chat, "Jam for winter", "Delete")
    await shoot(chat.page, "demo-deleting")
    await chat.button("Cancel").click()
    await expect(pinned).to_have_count(1)
    await choose_in_menu(chat, "Jam for winter", "Delete")
    await chat.button("Delete").click()
    await expect(chat.lists.get_by_role("link")).to_have_text(["Slow roses"])
    await expect(chat.messages).to_have_count(0)


async def choose_in_menu(chat: Chat, title: str, item: str) -> None:
    await chat.lists.get_by_role("link", name=title).hover()
    await chat.button(f"More about {title}").click()
    await chat.page.get_by_role("menuitem", name=item).click()
