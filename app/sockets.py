"""What is open: WebSockets and event streams, counted per user, closed together."""

import asyncio
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from typing import Protocol

from models.errors import RateLimited, Unavailable


class Open(Protocol):
    """A socket or a stream."""

    async def close(self, code: int, reason: str) -> None:
        """End it; returns once it has ended."""
        ...


class Sockets:
    """Everything that stays open in this process."""

    def __init__(self, *, per_user: int) -> None:
        """`per_user` counts sockets and streams of one user, or of one address, together."""
        self._per_user = per_user
        self._count: Counter[str] = Counter()
        self._open: set[Open] = set()
        self._closing = False

    def __len__(self) -> int:
        return len(self._open)

    @contextmanager
    def counted(self, user: str) -> Generator[None, None, None]:
        """Hold a place for the user; raises RateLimited when there is none."""
        if self._count[user] >= self._per_user:
            raise RateLimited("Too many sockets are open.", retry_after=5)
        self._count[user] += 1
        try:
            yield
        finally:
            self._count[user] -= 1
            if not self._count[user]:
                del self._count[user]

    @contextmanager
    def registered(self, opened: Open) -> Generator[None, None, None]:
        """Let close_all reach it; raises Unavailable once that has begun."""
        if self._closing:
            raise Unavailable("The server is shutting down.", retry_after=1)
        self._open.add(opened)
        try:
            yield
        finally:
            self._open.discard(opened)

    async def close_all(self) -> None:
        """Tell every client that the server goes away (1001); for the shutdown."""
        self._closing = True
        await asyncio.gather(
            *(opened.close(1001, "server shutdown") for opened in list(self._open)),
            return_exceptions=True,
        )


def user_key(user_id: str | None, address: str | None) -> str:
    """Whom a socket counts for: the user, or the address of someone signed out."""
    return user_id or f"address {address}"
