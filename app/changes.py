"""The event log as this process reads it: every commit once, in order, whoever made it.

The reader keeps the snapshot it last read at and takes what is visible in a new one and was not
in the old. So a long transaction elsewhere neither hides, repeats nor slows anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import structlog

from app.resuming import Batch, Place, Position, Resuming, Row
from app.snapshots import Snapshot
from app.waiting import woken
from models.errors import Unavailable
from models.ports import Database, Heard

if TYPE_CHECKING:
    from graphql_schema.core.signed import Signer
    from models.viewer import Viewer

POLL = 0.25  # seconds, when no wake-up comes
QUEUE = 1_000  # changes that may wait for one listener

log = structlog.get_logger()

_NEW = """\
(e.xid >= pg_snapshot_xmax($1::text::pg_snapshot) OR e.xid = ANY ($2::text[]::xid8[]))"""
_READ = f"""\
WITH taken AS MATERIALIZED (SELECT pg_current_snapshot() AS now)
SELECT taken.now::text AS now, (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS time,
    e.position, e.xid::text AS xid, e.owner_id, e.changes
FROM taken LEFT JOIN event_log e ON {_NEW} AND pg_visible_in_snapshot(e.xid, taken.now)
ORDER BY e.position"""
_CATCH_UP = f"""\
SELECT e.position, e.xid::text AS xid, e.owner_id, e.changes FROM event_log e
WHERE e.owner_id = $3 AND {_NEW} AND pg_visible_in_snapshot(e.xid, $4::text::pg_snapshot)
ORDER BY e.position"""
_CLUSTER = """\
SELECT pg_current_snapshot()::text AS now, s.system_identifier::text AS system, c.timeline_id,
    (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS time
FROM pg_control_system() s, pg_control_checkpoint() c"""

Tap = Callable[[str, Mapping[str, Any]], None]


class Listener:
    """One subscription's queue of batches; too many waiting changes break it."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Batch | None] = asyncio.Queue()
        self._waiting = 0

    def offer(self, batch: Batch) -> None:
        """Take a batch, or break when the reader of this queue is too slow."""
        self._waiting += len(batch.rows)
        self.queue.put_nowait(batch if self._waiting <= QUEUE else None)

    async def next(self) -> Batch:
        """The next batch. Raises Unavailable when some were lost."""
        batch = await self.queue.get()
        if batch is None:
            raise Unavailable("Too many changes waited to be read; resume.", retry_after=1)
        self._waiting -= len(batch.rows)
        return batch


class ChangeReader:
    """Reads the log for all listeners of this process; see models.ports.Changes."""

    def __init__(self, database: Database, signer: Signer) -> None:
        self._database = database
        self._signer = signer
        self._snapshot: Snapshot | None = None
        self._place = Place("", 0)
        self._fresh: list[asyncio.Future[None]] = []
        self._listeners: dict[str, set[Listener]] = {}
        self._taps: list[Tap] = []
        self._woken = asyncio.Event()
        self._ready = asyncio.Event()

    def wake(self) -> None:
        """Read soon."""
        self._woken.set()

    def tap(self, follower: Tap) -> None:
        """Call `follower` with the owner and each change, in order, on the event loop."""
        self._taps.append(follower)

    async def run(self) -> None:
        """Read until cancelled, through any loss of the server."""
        while True:
            try:
                await self._start()
                await self._follow()
            except Unavailable:
                log.warning("changes.lost")
                await asyncio.sleep(POLL)

    async def _start(self) -> None:
        (row,) = await self._database.fetch(_CLUSTER)
        self._place = Place(f"{row['system']}/{row['timeline_id']}", row["time"])
        if self._snapshot is None:
            self._snapshot = Snapshot.parse(row["now"])
        self._ready.set()

    async def _follow(self) -> None:
        while True:
            await woken(self._woken, POLL)
            await self._read()

    async def _read(self) -> None:
        old, waiting, self._fresh = self._snapshot, self._fresh, []
        assert old is not None
        rows = await self._database.fetch(_READ, str(old), [str(xid) for xid in old.running])
        new = Snapshot.parse(rows[0]["now"])
        self._snapshot, self._place = new, Place(self._place.cluster, rows[0]["time"])
        found = [row for row in rows if row["position"] is not None]
        self._dispatch(old, new, found)
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def _dispatch(self, old: Snapshot, new: Snapshot, rows: Sequence[Row]) -> None:
        owners: dict[str, list[Row]] = {}
        for row in rows:
            owners.setdefault(row["owner_id"], []).append(row)
            for change in row["changes"]:
                for tap in self._taps:
                    tap(row["owner_id"], change)
        for owner, own in owners.items():
            for listener in self._listeners.get(owner, ()):
                listener.offer(Batch(old, new, own))

    @asynccontextmanager
    async def listen(
        self, owner: str, viewer: Viewer, after: str | None
    ) -> AsyncIterator[AsyncIterator[Heard]]:
        """The changes of an owner's rows; see models.ports.Changes."""
        await self._ready.wait()
        listener = Listener()
        self._listeners.setdefault(owner, set()).add(listener)
        try:
            yield self._heard(listener, owner, viewer, after)
        finally:
            self._listeners[owner].discard(listener)
            if not self._listeners[owner]:
                del self._listeners[owner]

    async def _heard(
        self, listener: Listener, owner: str, viewer: Viewer, after: str | None
    ) -> AsyncIterator[Heard]:
        resuming = Resuming(self._signer, viewer, owner)
        position = None if after is None else await self._resumed(resuming, after)
        start = self._snapshot
        assert start is not None
        place = self._place
        if position is None:
            position = Position(start)
            yield Heard(lambda: resuming.sign(Position(start), place), reset=after is not None)
        else:
            batch = await self._missed(owner, position, start)
            for heard in resuming.heard(batch, position, place):
                yield heard
            position = Position(start)
        while True:
            batch = await listener.next()
            for heard in resuming.heard(batch, position, self._place):
                yield heard

    async def _resumed(self, resuming: Resuming, after: str) -> Position | None:
        """The position of a token; None when nothing can be told about what came after it."""
        position = resuming.open(after, self._place)
        if position is None:
            return None
        # Another process may have read further; a snapshot taken from now on covers its token.
        fresh = asyncio.get_running_loop().create_future()
        self._fresh.append(fresh)
        self.wake()
        await fresh
        ahead = self._snapshot is None or position.new.xmax > self._snapshot.xmax
        return None if ahead else position

    async def _missed(self, owner: str, position: Position, start: Snapshot) -> Batch:
        base = position.base
        running = [str(xid) for xid in base.running]
        rows = await self._database.fetch(_CATCH_UP, str(base), running, owner, str(start))
        return Batch(base, start, rows)
