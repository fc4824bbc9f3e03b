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
from models.chat.leases import Lease
from models.errors import Unavailable
from models.ports import Database
from models.storable import storable
from models.verbs import TRY_AGAIN

PAUSE = 0.04  # seconds that text may wait for more
SIZE = 1_024  # characters that are not kept waiting
RETRY = 0.25  # seconds before a lost server is tried again

log = structlog.get_logger()


class NoLongerWanted(Exception):
    """The generation was stopped, taken over or removed."""


class NotStored(Exception):
    """The database refused text; a defect of ours."""


class _Part:
    """A part of an answer, in pieces, since joining them each time would be quadratic."""

    def __init__(self, kind: str, before: int) -> None:
        self.kind = kind
        self.before = before
        self.length = 0
        self.stored = 0  # how much of it was given to the store
        self.pieces: list[str] = []
        self.waiting: list[str] = []

    def append(self, text: str) -> None:
        self.pieces.append(text)
        self.waiting.append(text)
        self.length += len(text)

    def window(self, number: int, lease: Lease) -> Window:
        """What was not given to the store yet."""
        text, start = "".join(self.waiting), self.stored
        self.waiting, self.stored = [], self.length
        return Window(
            lease.generation_id,
            lease.message_id,
            lease.epoch,
            number,
            start,
            self.kind,
            text,
            self.before,
        )


class Manuscript:
    """The text of one answer so far; what was not stored yet waits in it."""

    def __init__(self, lease: Lease, writer: Writer) -> None:
        self.lease = lease
        self._parts: list[_Part] = []
        self._source: tuple[int, str] | None = None
        self._first_waiting: int | None = None  # number of the first part with waiting text
        self._size = 0
        self._length = 0
        self._writer = writer
        self._refused: Exception | None = None
        self._stored = asyncio.Event()
        self._stored.set()

    @property
    def length(self) -> int:
        """Characters in all parts."""
        return self._length

    @property
    def parts(self) -> list[dict[str, str]]:
        """The parts as a message keeps them."""
        return [{"kind": part.kind, "text": "".join(part.pieces)} for part in self._parts]

    def append(self, part: int, kind: str, text: str) -> None:
        """Add text. Parts are numbered here, so that they never interleave.

        Raises NoLongerWanted once the store has refused a window, NotStored when it failed.
        """
        self._raise_refusal()
        text = storable(text)
        if (part, kind) != self._source:
            self._source = (part, kind)
            self._parts.append(_Part(kind, self._parts[-1].length if self._parts else 0))
        first = not self._length
        self._parts[-1].append(text)
        if self._first_waiting is None:
            self._first_waiting = len(self._parts) - 1
        self._length += len(text)
        self._size += len(text)
        self._stored.clear()
        self._writer.due(self, now=first or self._size >= SIZE)

    def begin(self) -> None:
        """Have the next text begin a part, whatever its number."""
        self._source = None

    def write(self, kind: str, text: str) -> None:
        """Add a part that is whole."""
        self.begin()
        self.append(0, kind, text)
        self.begin()

    def take(self) -> list[Window]:
        """The windows that are to be stored now."""
        first, self._first_waiting, self._size = self._first_waiting, None, 0
        if first is None:
            return []
        waiting = enumerate(self._parts[first:], first)
        return [part.window(number, self.lease) for number, part in waiting]

    def settle(self, refused: Exception | None) -> None:
        """The windows taken were stored, or refused."""
        self._refused = self._refused or refused
        if self._first_waiting is None or self._refused:
            self._stored.set()

    async def stored(self) -> None:
        """Wait until all is stored. Raises NoLongerWanted or NotStored when it was not."""
        if self._first_waiting is not None:
            self._writer.due(self, now=True)
        await self._stored.wait()
        self._raise_refusal()

    def _raise_refusal(self) -> None:
        if self._refused is not None:
            raise self._refused


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
            try:
                kept = await self._store(windows) if windows else set[Window]()
            except Exception:
                log.exception("writer.failed", windows=len(windows))
                for manuscript in due:
                    manuscript.settle(NotStored())
                continue
            for manuscript, found in taken.items():
                whole = all(window in kept for window in found)
                manuscript.settle(None if whole else NoLongerWanted())

    async def _store(self, windows: Sequence[Window]) -> set[Window]:
        while True:
            try:
                async with self._database.connection() as connection:
                    kept = await chunks.append(connection, windows)
                break
            except Unavailable:
                log.warning("writer.lost", windows=len(windows))
                await asyncio.sleep(RETRY)
            except Exception as error:
                if getattr(error, "sqlstate", None) not in TRY_AGAIN:
                    raise
        self._hub.publish(kept)
        self._bus.wrote(kept)
        return set(kept)
