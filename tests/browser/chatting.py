"""The page `/demo` as its visitors use it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Self

from playwright.async_api import Locator, Page, WebSocketRoute, expect

from tests.harness.api import Server


class Chat:
    """One visitor's page."""

    def __init__(self, page: Page, server: Server) -> None:
        self.page = page
        self.server = server
        self.draft = page.get_by_role("textbox", name="Message", exact=True)
        self.messages = page.get_by_role("list", name="Messages").locator("> li")
        self.question = self.messages.and_(page.get_by_role("listitem", name="You")).last
        self.answer = self.messages.and_(page.get_by_role("listitem", name="Answer")).last
        self.title = page.get_by_role("main").get_by_role("heading", level=1)
        self.lists = page.get_by_role("navigation", name="Conversations")

    def button(self, name: str) -> Locator:
        """A button by its whole name."""
        return self.page.get_by_role("button", name=name, exact=True)

    async def start(self) -> None:
        """Open the page and become a guest."""
        await self.page.goto(f"{self.server.url}/demo")
        await self.button("Start as a guest").click()
        await expect(self.draft).to_be_visible()

    async def choose(self, model: str) -> None:
        """Choose the model to answer."""
        await self.page.get_by_role("combobox", name="Model").select_option(model)

    async def send(self, text: str) -> None:
        """Write a message and send it."""
        there = await self.messages.count()
        await self.draft.fill(text)
        await self.button("Send").click()
        await expect(self.draft).to_have_value("")
        await expect(self.messages).to_have_count(there + 2)

    async def answered(self, text: str | re.Pattern[str] = re.compile(r"\w")) -> None:
        """Wait until the newest answer is whole and holds a text."""
        await expect(self.button("Send")).to_be_visible()
        await expect(self.answer).to_contain_text(text)

    async def ask(self, text: str) -> None:
        """Send a message and wait for the answer."""
        await self.send(text)
        await self.answered()

    async def grown(self, beyond: int) -> int:
        """Wait until the newest answer has more characters than so many; returns how many."""
        handle = await self.answer.locator(".body").element_handle()
        longer = "([body, length]) => body.innerText.length > length"
        await self.page.wait_for_function(longer, arg=[handle, beyond], timeout=30_000)
        return len(await self.answer.locator(".body").inner_text())

    async def stored(self) -> str:
        """The text of the newest answer as the database has it."""
        id = await self.answer.get_attribute("data-id")
        (row,) = await self.server.sql("SELECT content FROM message WHERE id = $1", id)
        return row["content"]


@dataclass
class Streams:
    """What went over a page's WebSockets about texts that are being written.

    Everything passes through here: what the browser only tells of is lost where it arrives while
    a page is being left.
    """

    subscribed: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    events: list[list[dict[str, Any]]] = field(default_factory=list[list[dict[str, Any]]])

    @classmethod
    async def of(cls, page: Page) -> Self:
        """Those of the sockets that a page opens from now on."""
        streams = cls()
        await page.route_web_socket("**/graphql", streams._opened)
        return streams

    def text(self) -> str:
        """What all events together say, each subscription going on from its cursor."""
        said: list[tuple[str, str]] = []
        for asked, events in zip(self.subscribed, self.events, strict=True):
            cursors = [cursor for cursor, _ in said]
            after = asked.get("after")
            said = said[: cursors.index(after) + 1] if after else []
            for event in events:
                said = [] if event["reset"] else said
                said.append((event["cursor"], event["text"]))
        return "".join(text for _, text in said)

    def _opened(self, page: WebSocketRoute) -> None:
        mine: dict[str, list[dict[str, Any]]] = {}
        server = page.connect_to_server()

        def sent(frame: str | bytes) -> None:
            message = json.loads(frame)
            if message["type"] == "subscribe" and "messageStreamed" in message["payload"]["query"]:
                mine[message["id"]] = []
                self.subscribed.append(message["payload"]["variables"])
                self.events.append(mine[message["id"]])
            server.send(frame)

        def received(frame: str | bytes) -> None:
            message = json.loads(frame)
            if message["type"] == "next" and message["id"] in mine:
                mine[message["id"]].append(message["payload"]["data"]["messageStreamed"])
            page.send(frame)

        page.on_message(sent)
        server.on_message(received)
