"""A client that keeps a copy of some messages: it subscribes, queries, then applies the events."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import ClientError

from tests.harness.api import Api, Refused

Rows = dict[str, dict[str, Any]]
Query = Callable[[Api], Awaitable[list[dict[str, Any]]]]

BROKEN = (ClientError, OSError, TypeError, AssertionError)
"""What comes of a server's death; the last two of a close frame where a message was due."""
LAST = "the last one"
"""The text of the message after which nothing more happens."""


class Copy:
    """The messages of `of` as one client has them; `query` is what it asks for when it begins.

    `caller` gives the user at any server, another one each time, which may die meanwhile.
    """

    def __init__(
        self, caller: Callable[[], Api], of: dict[str, str], fields: str, query: Query, seed: int
    ) -> None:
        self.caller = caller
        self.of = of
        self.subscription = f"""subscription($of: MessageTarget!, $after: String) {{
          messageChanged(of: $of, after: $after) {{ node {fields} deletedId cursor reset }} }}"""
        self.query = query
        self.chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self.rows: Rows | None = None
        self.cursor: str | None = None
        self.sessions = 0
        self.resets = 0
        self.done = False

    async def keep(self) -> None:
        """Follow in sessions of random length, each on any server, until the last message."""
        while not self.done:
            self.sessions += 1
            try:
                async with asyncio.timeout(self.chance.random()):
                    await self._session(self.caller())
            except (*BROKEN, TimeoutError) as error:
                if isinstance(error, Refused) and error.code != "UNAVAILABLE":
                    raise
                await asyncio.sleep(self.chance.random() * 0.2)

    async def _session(self, caller: Api) -> None:
        async with caller.listen(self.subscription, of=self.of, after=self.cursor) as events:
            async for event in events:
                if event["reset"]:
                    self.resets += 1
                    self.rows = None
                if self.rows is None:
                    listed = await self.query(self.caller())
                    self.rows = {row["id"]: row for row in listed}
                self._apply(self.rows, event)
                self.cursor = event["cursor"]
                if self.done:
                    return

    def _apply(self, rows: Rows, event: dict[str, Any]) -> None:
        if event["deletedId"]:
            rows.pop(event["deletedId"], None)
        elif event["node"]:
            rows[event["node"]["id"]] = event["node"]
            self.done = event["node"]["content"] == LAST
