"""What is open: WebSockets and event streams, counted per user, closed together."""

import asyncio
from collections import Counter
from collections.abc import Collection, Generator
from contextlib import contextmanager
from typing import Protocol

from app.operations import Viewer
from models.errors import RateLimited, Unavailable


class Open(Protocol):
    """A socket or a stream."""

    async def close(self, code: int, reason: str) -> None:
        """End it; returns once it has ended."""
        ...

    def revoke(self) -> None:
        """Begin to end it at once: its viewer may not be here any more."""
        ...


class Sockets:
    """Everything that stays open in this process."""

    def __init__(self, *, per_user: int) -> None:
        """`per_user` counts sockets and streams of one user, or of one address, together."""
        self._per_user = per_user
        self._count: Counter[str] = Counter()
        self._open: set[Open] = set()
        self._closing = False
        self.grounds: dict[Open, frozenset[str]] = {}
        """What lets each one in: the ids of its user and of its session or token."""
        self.unsure: set[str] = set()
        """Grounds that may have gone between the look at them and their place here."""
        self.came = asyncio.Event()

    @contextmanager
    def admitted(self, opened: Open, viewer: Viewer, address: str) -> Generator[None, None, None]:
        """Hold a place for a viewer, to be found again by what lets them in.

        `address` is whom someone signed out counts for. Raises RateLimited when there is no place.
        """
        grounds = frozenset(filter(None, viewer.rests_on))
        with self._counted(viewer.user_id or f"address {address}"):
            self.grounds[opened] = grounds
            self.unsure |= grounds
            self.came.set()
            try:
                yield
            finally:
                del self.grounds[opened]

    def revoke(self, gone: Collection[str]) -> None:
        """End all that was opened by a user, a session or a token among `gone`."""
        for opened, grounds in list(self.grounds.items()):
            if not grounds.isdisjoint(gone):
                opened.revoke()

    def __len__(self) -> int:
        return len(self._open)

    @contextmanager
    def _counted(self, user: str) -> Generator[None, None, None]:
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
