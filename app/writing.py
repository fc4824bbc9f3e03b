"""Writing answers: one writer per process stores the windows of all streams in one statement,
and only then passes them on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from app.bus import PostgresBus
from app.streams import StreamHub
from models.chat import chunks
from models.chat.chunks import Window
from models.chat.generations import Lease
from models.errors import Unavailable
from models.ports import Database

PAUSE = 0.04  # seconds that text may wait for more
SIZE = 1_024  # characters that are not kept waiting
RETRY = 0.25  # seconds before a lost server is tried again

log = structlog.get_logger()


class NoLongerWanted(Exception):
    """The generation was stopped, taken over or removed."""


class Manuscript:
    """The text of one answer so far; what was not stored yet waits in it."""

    def __init__(self, lease: Lease, writer: Writer) -> None:
        self.lease = lease
        self.wanted = True
        self.parts: list[dict[str, str]] = []
        self._source: tuple[int, str] | None = None
        self._waiting: list[Window] = []
        self._size = 0
        self._length = 0
        self._writer = writer
        self._stored = asyncio.Event()
        self._stored.set()

    @property
    def length(self) -> int:
        """Characters in all parts."""
        return self._length

    def append(self, part: int, kind: str, text: str) -> None:
        """Add text. Parts are numbered here, so that they never interleave.

        Raises NoLongerWanted once the store has refused a window.
        """
        if not self.wanted:
            raise NoLongerWanted
        text = storable(text)
        if (part, kind) != self._source:
            self._source = (part, kind)
            self.parts.append({"kind": kind, "text": ""})
        first = not self._length
        self._wait(kind, text)
        self._length += len(text)
        self._writer.due(self, now=first or self._size >= SIZE)

    def _wait(self, kind: str, text: str) -> None:
        number = len(self.parts) - 1
        start = len(self.parts[-1]["text"])
        self.parts[-1]["text"] += text
        last = self._waiting[-1] if self._waiting else None
        lease = self.lease
        if last is not None and last.part == number:
            start, text = last.start, last.text + text
            self._waiting.pop()
        window = Window(
            lease.generation_id, lease.message_id, lease.epoch, number, start, kind, text
        )
        self._waiting.append(window)
        self._size += len(text)
        self._stored.clear()

    def take(self) -> list[Window]:
        """The windows that are to be stored now."""
        taken, self._waiting, self._size = self._waiting, [], 0
        return taken

    def settle(self, *, wanted: bool) -> None:
        """The windows taken were stored, or refused."""
        self.wanted = self.wanted and wanted
        if not self._waiting or not self.wanted:
            self._stored.set()

    async def stored(self) -> None:
        """Wait until all is stored. Raises NoLongerWanted when it was refused."""
        if self._waiting:
            self._writer.due(self, now=True)
        await self._stored.wait()
        if not self.wanted:
            raise NoLongerWanted


class Writer:
    """Stores what waits, in one statement for all answers of this process."""

    def __init__(self, database: Database, hub: StreamHub, bus: PostgresBus) -> None:
        self._database = database
        self._hub = hub
        self._bus = bus
        self._due: set[Manuscript] = set()
        self._now = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    def due(self, manuscript: Manuscript, *, now: bool) -> None:
        """Store a manuscript's windows at once, or within the pause."""
        self._due.add(manuscript)
        if now:
            self._now.set()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PAUSE, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._now.set()

    async def run(self) -> None:
        """Store until cancelled; text waits while the server is lost."""
        while True:
            await self._now.wait()
            self._now.clear()
            due, self._due = self._due, set()
            taken = {manuscript: manuscript.take() for manuscript in due}
            windows = [window for found in taken.values() for window in found]
            kept = await self._store(windows) if windows else set[Window]()
            for manuscript, found in taken.items():
                manuscript.settle(wanted=all(window in kept for window in found))

    async def _store(self, windows: Sequence[Window]) -> set[Window]:
        while True:
            try:
                async with self._database.connection() as connection:
                    kept = await chunks.append(connection, windows)
                break
            except Unavailable:
                log.warning("writer.lost", windows=len(windows))
                await asyncio.sleep(RETRY)
        self._hub.publish(kept)
        self._bus.wrote({window.message_id for window in kept})
        return set(kept)


def storable(text: str) -> str:
    """Text without what PostgreSQL can't keep: NUL and lone surrogates become U+FFFD."""
    return (
        text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    )
