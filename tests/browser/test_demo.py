"""The chat at `/demo`: a guest talks with the mock models."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, WebSocketRoute, expect

from tests.browser.chatting import Chat, Streams
from tests.browser.conftest import shoot, watch
from tests.harness.api import Api, Server, StartServer


@pytest.fixture
async def chat(server: Server, page: Page) -> Chat:
    return Chat(page, server)


@pytest.fixture
async def server(start_server: StartServer) -> Server:
    return await start_server()


async def test_a_guest_starts_and_is_answered(chat: Chat) -> None:
    seen = watch(chat.page)
    await chat.page.goto(f"{chat.server.url}/demo")
    await expect(chat.button("Start as a guest")).to_be_visible()
    await shoot(chat.page, "demo-welcome")
    await chat.start()
    await shoot(chat.page, "demo-empty")
    await chat.ask("Build a landing page for a farm shop")
    await expect(chat.answer.get_by_role("figure")).to_have_count(2)
    await expect(chat.answer.locator("strong")).to_have_text("Build a landing page for a farm shop")
    await expect(chat.title).to_have_text("Build a landing page for")
    await expect(chat.lists.get_by_role("link")).to_have_text(["Build a landing page for"])
    assert seen.hosts == {urlsplit(chat.server.url).netloc}
    assert seen.complaints == []


async def test_an_answer_streams_until_it_is_stopped(chat: Chat) -> None:
    streams = await Streams.of(chat.page)
    await chat.start()
    await chat.choose("mock:endless")
    await chat.send("Tell me about strawberries")
    length = await chat.grown(0)
    length = await chat.grown(length)
    await chat.grown(length + 200)
    await shoot(chat.page, "demo-streaming")
    await chat.button("Stop").click()
    await chat.answered()
    await expect(chat.answer).to_contain_text("You stopped this answer.")
    assert len(streams.events[0]) > 2
    assert streams.text() == await chat.stored()


async def test_a_reload_goes_on_in_mid_stream(chat: Chat) -> None:
    streams = await Streams.of(chat.page)
    await chat.start()
    await chat.choose("mock:endless")
    await chat.send("Tell me about strawberries")
    before = await chat.grown(300)
    await chat.page.reload()
    await chat.grown(before)
    await shoot(chat.page, "demo-reloaded")
    await chat.button("Stop").click()
    await chat.answered()
    assert [asked["after"] is None for asked in streams.subscribed] == [True, False]
    assert streams.text() == await chat.stored()


async def test_a_lost_connection_loses_no_text(chat: Chat) -> None:
    sockets: list[WebSocketRoute] = []
    back = asyncio.Event()

    async def route(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        if len(sockets) > 1:
            await back.wait()
        socket.connect_to_server()

    await chat.page.route_web_socket("**/graphql", route)
    await chat.start()
    await chat.choose("mock:endless")
    await chat.send("Tell me about strawberries")
    await chat.grown(100)
    await sockets[0].close(code=1012, reason="Gone")
    await expect(chat.page.get_by_text("The connection is lost.")).to_be_visible()
    await shoot(chat.page, "demo-offline")
    before = await chat.grown(0)
    back.set()
    await chat.grown(before + 100)
    shown = await chat.answer.locator(".body").inner_text()
    await chat.button("Stop").click()
    await chat.answered()
    await expect(chat.page.get_by_text("The connection is lost.")).to_be_hidden()
    whole = await chat.answer.locator(".body").inner_text()
    # The last words may have stood in the middle of their marks.
    assert whole.startswith(shown[:-30])
    assert len(sockets) == 2


async def test_an_edited_message_is_a_version(chat: Chat) -> None:
    await chat.start()
    await chat.ask("Jam, please [[echo:Jam it is.]]")
    await chat.question.hover()
    await chat.button("Edit").click()
    box = chat.page.get_by_role("textbox", name="Edit your message")
    await expect(box).to_be_focused()
    await expect(box).to_have_value("Jam, please [[echo:Jam it is.]]")
    await shoot(chat.page, "demo-editing")
    await box.fill("Cake, please [[echo:Cake it is.]]")
    await box.press("Control+Enter")
    await chat.answered("Cake it is.")
    await expect(chat.question).to_contain_text("2/2")
    await expect(chat.messages).to_have_count(2)


async def test_a_regenerated_answer_is_a_version(chat: Chat) -> None:
    await chat.start()
    await chat.ask("Tell me about jam [[tokens:5]]")
    first = await chat.stored()
    await chat.button("Regenerate").click()
    await expect(chat.answer).to_contain_text("2/2")
    await chat.answered()
    assert await chat.stored() != first


async def test_branches_are_switched(chat: Chat) -> None:
    await chat.start()
    await chat.ask("Jam [[echo:Jam it is.]]")
    await chat.question.hover()
    await chat.button("Edit").click()
    box = chat.page.get_by_role("textbox", name="Edit your message")
    await box.fill("Cake [[echo:Cake it is.]]")
    await chat.button("Save and send").click()
    await chat.answered("Cake it is.")
    await chat.button("Earlier version").click()
    await expect(chat.answer).to_contain_text("Jam it is.")
    await expect(chat.question).to_contain_text("1/2")
    await expect(chat.button("Earlier version")).to_be_disabled()
    await shoot(chat.page, "demo-branches")
    await chat.page.reload()
    await expect(chat.answer).to_contain_text("Jam it is.")
    await chat.button("Later version").press("Enter")
    await expect(chat.answer).to_contain_text("Cake it is.")
    # The focus stays on the switch, though its message is another one now.
    await expect(chat.button("Earlier version")).to_be_focused()


async def test_what_a_model_writes_is_only_text(chat: Chat) -> None:
    seen = watch(chat.page)
    await chat.start()
    hostile = (
        "<img src=x onerror=alert(1)> [link](javascript:alert) **<b>bold</b>** "
        "[web](https://example.com/a) <script>alert(2)</script>"
    )
    await chat.ask(f"Say [[echo:{hostile}]]")
    body = chat.answer.locator(".body")
    await expect(body).to_contain_text("<img src=x onerror=alert(1)> [link](javascript:alert)")
    await expect(body.locator("img, script, b")).to_have_count(0)
    await expect(body.get_by_role("link")).to_have_attribute("href", "https://example.com/a")
    await expect(body.locator("strong")).to_have_text("<b>bold</b>")
    assert seen.complaints == []


async def test_deep_and_long_markup_is_shown_all_the_same(chat: Chat) -> None:
    await chat.start()
    await chat.ask(f"Say [[echo:{'>' * 5_000} deep\n\n{'**[_`' * 2_000} end]]")
    await expect(chat.answer.locator("blockquote")).to_have_count(8)
    await expect(chat.answer).to_contain_text("deep")
    await expect(chat.title).to_contain_text(">>>>")
    await expect(chat.button("Share")).to_be_in_viewport(ratio=1)
    await expect(chat.answer).to_contain_text("end")


async def test_earlier_messages_are_shown_when_asked_for(chat: Chat) -> None:
    await chat.start()
    await chat.ask("Jam [[echo:Jam it is.]]")
    token = await chat.page.evaluate("localStorage.getItem('punnet:token')")
    guest = Api(chat.server.session, chat.server.url, token)
    to = {"conversationId": chat.page.url.partition("#c=")[2]}
    for number in range(33):
        await guest.do("createMessage", "{ message { id } }", to=to, content=f"Note {number}")
    await expect(chat.messages).to_have_count(30)
    await expect(chat.messages.last).to_contain_text("Note 32")
    await chat.button("Show earlier messages").click()
    await expect(chat.messages).to_have_count(35)
    await expect(chat.messages.nth(1)).to_contain_text("Jam it is.")
    await expect(chat.button("Show earlier messages")).to_be_hidden()


async def test_a_conversation_goes_on_elsewhere_from_an_answer(chat: Chat) -> None:
    await chat.start()
    await chat.ask("Jam [[echo:Jam it is.]]")
    first = chat.page.url
    await chat.ask("Cake [[echo:Cake it is.]]")
    fork = chat.messages.nth(1).get_by_role("button", name="Go on from here")
    await chat.messages.nth(1).hover()
    await fork.click()
    await expect(chat.messages).to_have_count(2)
    await expect(chat.answer).to_contain_text("Jam it is.")
    assert chat.page.url != first
    await chat.page.go_back()
    await expect(chat.messages).to_have_count(4)


async def test_a_failed_answer_can_be_tried_again(chat: Chat) -> None:
    await chat.start()
    await chat.ask("Tell me about jam [[refuse]]")
    await expect(chat.answer.get_by_text("The provider refused the request.")).to_have_count(1)
    await shoot(chat.page, "demo-failed")
    await chat.button("Try again").click()
    await expect(chat.answer).to_contain_text("1/2")  # the second had no word either, and gave way
    await chat.button("Later version").click()
    await expect(chat.answer).to_contain_text("2/2")
    await expect(chat.answer.get_by_text("The provider refused the request.")).to_have_count(1)
