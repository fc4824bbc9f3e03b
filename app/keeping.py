"""Connections that are handed from one user to the next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it has none

ACQUIRE = 10.0  # seconds for a connection of the pool to be free
KEEP = 60.0  # seconds after which the idle ones go back to the pool


class KeptConnections:
    """Takes connections from an asyncpg pool, and keeps those that come back sound.

    asyncpg's pool gives each a task to come back in, which costs more than a small statement does.
    It still gets those that may need care: after an error or a cancellation, inside a transaction,
    or when somebody waits for one; and all that are idle once a minute, so that it can close what
    is used up or not needed.
    """

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._idle: list[Any] = []
        self._waiting = 0
        self._closed = False
        self._tidying = asyncio.create_task(self._tidy())

    def lent(self) -> Lent:
        """A connection for a block."""
        return Lent(self)

    async def take(self) -> Any:
        """A connection. Raises TimeoutError when none is free within ACQUIRE seconds."""
        while self._idle:
            connection = self._idle.pop()
            if _denies(connection.is_closed):
                return connection
            await self._pool.release(connection)
        self._waiting += 1
        try:
            async with asyncio.timeout(ACQUIRE):  # asyncpg's own way makes a task of it
                return await self._pool.acquire()
        finally:
            self._waiting -= 1

    async def give(self, connection: Any, *, sound: bool) -> None:
        """Give a connection back; it is not `sound` after anything but success."""
        wanted = self._closed or self._waiting
        if sound and not wanted and _denies(connection.is_in_transaction):
            self._idle.append(connection)
        else:
            await self._pool.release(connection)

    async def close(self) -> None:
        """Give the pool back what is idle, and keep nothing more."""
        self._tidying.cancel()
        self._closed = True
        await self._give_idle()

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(KEEP)
            await self._give_idle()

    async def _give_idle(self) -> None:
        idle, self._idle = self._idle, []
        for connection in idle:
            await self._pool.release(connection)


class Lent:
    """A connection that is given back at the end of a block."""

    __slots__ = ("_connection", "_kept")

    def __init__(self, kept: KeptConnections) -> None:
        self._kept = kept

    async def __aenter__(self) -> Any:
        self._connection = await self._kept.take()
        return self._connection

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        await self._kept.give(self._connection, sound=kind is None)


def _denies(question: Callable[[], bool]) -> bool:
    """Whether a connection says no; one that was lost, which the pool has taken back, can't."""
    try:
        return not question()
    except asyncpg.InterfaceError:
        return False
