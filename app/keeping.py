"""Connections that are handed from one user to the next."""

from __future__ import annotations

import asyncio
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
        self._tidying = asyncio.create_task(self._tidy())

    async def take(self) -> Any:
        """A connection. Raises TimeoutError when none is free within ACQUIRE seconds."""
        while self._idle:
            connection = self._idle.pop()
            if _is_open(connection):
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
        if sound and not self._waiting and _is_between(connection):
            self._idle.append(connection)
        else:
            await self._pool.release(connection)

    async def close(self) -> None:
        """Give the pool back what is idle, and keep nothing more."""
        self._tidying.cancel()
        self._waiting += 1
        await self._give_idle()

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(KEEP)
            await self._give_idle()

    async def _give_idle(self) -> None:
        idle, self._idle = self._idle, []
        for connection in idle:
            await self._pool.release(connection)


def _is_open(connection: Any) -> bool:
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:  # it was lost, and the pool has taken it back
        return False


def _is_between(connection: Any) -> bool:
    """Whether a connection is outside of any transaction."""
    try:
        return not connection.is_in_transaction()
    except asyncpg.InterfaceError:  # as above
        return False
