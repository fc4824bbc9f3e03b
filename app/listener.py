"""What one change subscription has not read yet: bounded, and broken rather than filled."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from models.errors import Unavailable

if TYPE_CHECKING:
    from app.resuming import Batch

QUEUE = 1_000  # changes that may wait for one listener


class Listener:
    """One subscription's queue of batches; too many waiting changes break it."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Batch | Unavailable] = asyncio.Queue()
        self._waiting = 0
        self._broken = False

    def offer(self, batch: Batch) -> None:
        """Take a batch, or break when the reader of this queue is too slow.

        A batch of any size is taken when nothing else waits.
        """
        if self._waiting and self._waiting + batch.size > QUEUE:
            self.end(Unavailable("Too many changes waited to be read; resume.", retry_after=1))
        if not self._broken:
            self._waiting += batch.size
            self._queue.put_nowait(batch)

    def end(self, error: Unavailable) -> None:
        """Have `next` raise an error after what waits already; nothing is taken any more."""
        if not self._broken:
            self._broken = True
            self._queue.put_nowait(error)

    async def next(self) -> Batch:
        """The next batch. Raises Unavailable when some were lost."""
        found = await self._queue.get()
        if isinstance(found, Unavailable):
            raise found
        self._waiting -= found.size
        return found
