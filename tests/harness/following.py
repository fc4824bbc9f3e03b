"""A client of `messageChanged` that keeps a copy of a project's messages."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from aiohttp import ClientError

from tests.harness.api import Api, Closed, Refused

FIELDS = "{ id orderId role type status outcome content }"
CHANGED = f"""subscription($of: MessageTarget!, $after: String) {{
  messageChanged(of: $of, after: $after) {{ node {FIELDS} deletedId cursor reset }} }}"""
LIST = f"""query($id: ID!) {{
  project(id: $id) {{ messages(first: 100) {{ nodes {FIELDS} }} }} }}"""
LAST = "the last one"


class Copy:
    """A client's copy of a project's messages."""

    def __init__(
        self, callers: list[Api], project: str, seed: int, *, patience: float = 1.0
    ) -> None:
        """A session takes `patience` seconds at most."""
        self.callers = callers
        self.patience = patience
        self.project = project
        self.chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self.rows: dict[str, dict[str, Any]] | None = None
        self.cursor: str | None = None
        self.sessions = 0
        self.done = False

    async def keep(self) -> None:
        """Follow in sessions of random length, each on any server, until the last message."""
        while not self.done:
            self.sessions += 1
            try:
                async with asyncio.timeout(self.chance.random() * self.patience):
                    await self._session(self.chance.choice(self.callers))
            except Refused as refused:
                if refused.code != "UNAVAILABLE":
                    raise
            except (TimeoutError, Closed, ClientError):
                await asyncio.sleep(self.chance.random() * 0.2)

    async def _session(self, caller: Api) -> None:
        of = {"projectId": self.project}
        async with caller.listen(CHANGED, of=of, after=self.cursor) as events:
            async for event in events:
                assert not event["reset"]
                if self.rows is None:
                    listed = await listing(self.chance.choice(self.callers), self.project)
                    self.rows = {row["id"]: row for row in listed}
                self._apply(self.rows, event)
                self.cursor = event["cursor"]
                if self.done:
                    return

    def _apply(self, rows: dict[str, dict[str, Any]], event: dict[str, Any]) -> None:
        if event["deletedId"]:
            rows.pop(event["deletedId"], None)
        elif event["node"]:
            rows[event["node"]["id"]] = event["node"]
            self.done = event["node"]["content"] == LAST


async def listing(caller: Api, project: str) -> list[dict[str, Any]]:
    return (await caller.run(LIST, id=project))["project"]["messages"]["nodes"]
