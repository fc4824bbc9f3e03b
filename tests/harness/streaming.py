"""A client of `messageStreamed` that puts the text together, whatever happens to its connection."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.harness.api import Api

STREAM = """subscription($id: ID!, $after: String) {
  messageStreamed(messageId: $id, after: $after) { part kind text cursor reset } }"""
MESSAGE = """query($id: ID!) { message(id: $id) {
  role type status outcome content parts error finishReason usage } }"""


class Text:
    """What one client has of a message."""

    def __init__(self, message: str) -> None:
        self.message = message
        self.parts: dict[int, str] = {}
        self.kinds: dict[int, str] = {}
        self.cursor: str | None = None
        self.events = 0
        self.sessions = 0
        self.resets = 0
        self.ended = False

    def take(self, event: dict[str, Any]) -> None:
        """Add a piece, after dropping all when it says so."""
        self.events += 1
        if event["reset"]:
            self.resets += 1
            self.parts.clear()
            self.kinds.clear()
        if event["text"]:
            self.parts[event["part"]] = self.parts.get(event["part"], "") + event["text"]
            self.kinds[event["part"]] = event["kind"]
        self.cursor = event["cursor"]

    async def follow(self, caller: Api, events: int = 1 << 30, pause: float = 0.0) -> None:
        """Follow from where it stopped, for so many events or to the end.

        A slow reader waits for `pause` seconds after each.
        """
        self.sessions += 1
        async with caller.listen(STREAM, id=self.message, after=self.cursor) as stream:
            for _ in range(events):
                try:
                    self.take(await anext(stream))
                except StopAsyncIteration:
                    self.ended = True
                    return
                await asyncio.sleep(pause)

    @property
    def text(self) -> str:
        """The parts that are text, joined."""
        texts = [self.parts[number] for number in sorted(self.parts)]
        kinds = [self.kinds[number] for number in sorted(self.parts)]
        return "".join(text for text, kind in zip(texts, kinds, strict=True) if kind == "TEXT")

    def same_as(self, message: dict[str, Any]) -> bool:
        """Whether it has all parts of the message as it is stored."""
        stored = message["parts"] or [{"kind": "text", "text": message["content"]}]
        mine = [
            {"kind": self.kinds[number].lower(), "text": self.parts[number]}
            for number in sorted(self.parts)
        ]
        return mine == [part for part in stored if part["text"]]


async def asked(caller: Api, content: str, **more: Any) -> str:
    """Ask in a project of its own; the id of the answer."""
    made = await caller.do("createProjectWithMessage", "{ reply { id } }", content=content, **more)
    return made["reply"]["id"]


async def message_of(caller: Api, message: str) -> dict[str, Any]:
    """A message as it is stored."""
    return (await caller.run(MESSAGE, id=message))["message"]
