"""Threads for what would hold up the event loop, with a bound on how much waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")


class Crowded(Exception):
    """As much waits already as may."""


class Threads:
    """At most `threads` works run at once, and `queue` more may wait."""

    def __init__(self, name: str, threads: int, queue: int) -> None:
        self._pool = ThreadPoolExecutor(threads, name)
        self._most = threads + queue
        self._waiting = 0

    async def run(self, work: Callable[[], T]) -> T:
        """What a work returns. It is done to its end, and counted until then, also when whoever
        asked has gone. Raises Crowded."""
        if self._waiting >= self._most:
            raise Crowded
        self._waiting += 1
        running = asyncio.get_running_loop().run_in_executor(self._pool, work)
        running.add_done_callback(self._done)
        return await asyncio.shield(running)

    def close(self) -> None:
        """Begin nothing more, and wait for nothing."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _done(self, running: asyncio.Future[Any]) -> None:
        self._waiting -= 1
        if not running.cancelled():
            running.exception()


class Places:
    """For what holds much besides its thread: `most` are in at once, and `queue` more may wait."""

    def __init__(self, most: int, queue: int) -> None:
        self._free = asyncio.Semaphore(most)
        self._most = most + queue
        self._here = 0

    @asynccontextmanager
    async def place(self) -> AsyncGenerator[None, None]:
        """Be in, after those who waited before. Raises Crowded."""
        if self._here >= self._most:
            raise Crowded
        self._here += 1
        try:
            async with self._free:
                yield
        finally:
            self._here -= 1
