"""Text for running answers, as another worker process would store and announce it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from time import monotonic_ns
from typing import Any, cast

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it has none

from app.bus import NOTIFY_TEXT, PAUSE, TEXT_CHANNEL, notices
from bench.generate import Running
from models.chat import chunks
from models.chat.chunks import Window

TICK = 2 * PAUSE  # seconds between the windows of some answers and those of others
STAMP = 16
"""Digits of the time, in ns since the machine started, that each event carries in its text."""
PADDING = " of text, about as much as a model writes in a twentieth of a second"
TEXT_SIZE = STAMP + len(PADDING)


def stamped() -> str:
    """The text of an event made now."""
    return f"{monotonic_ns():0{STAMP}d}{PADDING}"


class Feed:
    """Writes to running answers, to each in turn."""

    def __init__(self, connection: Any, answers: Sequence[Running]) -> None:
        self._connection = connection
        self._places = dict.fromkeys(answers, 0)
        self._turns = itertools.cycle(answers)

    @classmethod
    @asynccontextmanager
    async def to(cls, url: str, answers: Sequence[Running]) -> AsyncGenerator[Feed, None]:
        """A feed that leaves nothing in the store when it ends."""
        connection: Any = await cast("Any", asyncpg).connect(url)
        try:
            yield cls(connection, answers)
        finally:
            await connection.execute("TRUNCATE message_chunk")
            await connection.close()

    async def run(self, rate: float, seconds: float) -> None:
        """Write `rate` windows a second, at even times."""
        loop, batch = asyncio.get_running_loop(), self._at_once(rate)
        start = loop.time()
        for tick in range(round(seconds * rate / batch)):
            await asyncio.sleep(start + tick * batch / rate - loop.time())
            await self.write(batch)

    def _at_once(self, rate: float) -> int:
        return max(1, min(round(rate * TICK), len(self._places)))

    async def write(self, count: int) -> None:
        """Store a window for each of the next answers and tell the servers."""
        chosen = list(itertools.islice(self._turns, count))
        kept = await chunks.append(self._connection, [self._window(one) for one in chosen])
        await self._connection.execute(NOTIFY_TEXT, TEXT_CHANNEL, notices(kept))

    def _window(self, answer: Running) -> Window:
        start = self._places[answer]
        self._places[answer] += TEXT_SIZE
        return Window(answer.generation_id, answer.message_id, 1, 0, start, "text", stamped())
