"""The event log as this process reads it: every commit once, in order, whoever made it.

The reader keeps the snapshot it last read at and takes what is visible in a new one and was not
in the old. So a long transaction elsewhere neither hides, repeats nor slows anything. When it
can't go on from where it was, its listeners end with Unavailable, and their clients resume.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import structlog

from app.listener import Listener
from app.resuming import Batch, Place, Position, Resuming, Row
from app.snapshots import Snapshot
from app.waiting import woken
from models.errors import Unavailable
from models.ports import Database, Heard

if TYPE_CHECKING:
    from graphql_schema.core.signed import Signer
    from models.viewer import Viewer

POLL = 0.25  # seconds, when no wake-up comes
PAGE = 200  # rows of the log that a resuming listener reads at once
NO_END = 2**62  # a position; given always, as the planner takes an open range for a third of all
PATIENCE = 5.0  # seconds a listener waits for the reader

log = structlog.get_logger()

_NEW = """\
(e.xid >= pg_snapshot_xmax($1::text::pg_snapshot) OR e.xid = ANY ($2::text[]::xid8[])
OR (e.position > $3 AND e.position <= $4))"""
_NOW = """\
SELECT pg_current_snapshot() AS now, (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS time,
    system_identifier::text || '/' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) AS cluster
FROM pg_control_system()"""
_START = f"""\
SELECT now::text, time, cluster, coalesce(position, 0) AS high FROM ({_NOW}) taken
LEFT JOIN (SELECT position FROM event_log WHERE position > 0 ORDER BY position DESC LIMIT 1) e
ON true"""
_READ = f"""\
WITH taken AS MATERIALIZED ({_NOW})
SELECT taken.now::text AS now, taken.time, taken.cluster,
    e.position, e.xid::text AS xid, e.owner_id, e.changes
FROM taken LEFT JOIN event_log e ON {_NEW} AND pg_visible_in_snapshot(e.xid, taken.now)
ORDER BY e.position"""
_MISSED = f"""\
SELECT e.position FROM event_log e
WHERE e.owner_id = $5 AND {_NEW} AND pg_visible_in_snapshot(e.xid, $6::text::pg_snapshot)
AND (e.position <= $4) IS TRUE ORDER BY e.position"""
_PAGE = """\
SELECT e.position, e.xid::text AS xid, e.owner_id, e.changes FROM event_log e
WHERE e.position = ANY ($1::bigint[]) ORDER BY e.position"""

Tap = Callable[[str, Mapping[str, Any]], None]


class ChangeReader:
    """Reads the log for all listeners of this process; see models.ports.Changes.

    `background` serves the reading for all, `database` what one listener has missed.
    """

    def __init__(self, database: Database, background: Database, signer: Signer) -> None:
        self._database = database
        self._background = background
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
            except Unavailable as error:
                log.warning("changes.lost")
                self._refuse(error)
                await asyncio.sleep(POLL)
            except Exception:
                self._restart()  # what was being passed on may have reached some only
                raise

    async def _start(self) -> None:
        if self._snapshot is None:
            (row,) = await self._background.fetch(_START)
            self._snapshot = Snapshot.parse(row["now"], row["high"])
            self._place = Place(row["cluster"], row["time"])
        self._ready.set()

    def _restart(self) -> None:
        """Start anew from whatever the log is then; no listener can follow to there."""
        self._snapshot = None
        self._ready.clear()
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.end(_no_reader())

    def _refuse(self, error: Unavailable) -> None:
        """Tell those who wait for the next reading that there is none."""
        waiting, self._fresh = self._fresh, []
        for future in waiting:
            if not future.done():
                future.set_exception(error)

    async def _follow(self) -> None:
        while True:
            await woken(self._woken, POLL)
            await self._read()

    async def _read(self) -> None:
        old, waiting = self._snapshot, list(self._fresh)
        if old is None:
            raise _no_reader()
        rows = await self._background.fetch(_READ, *_after(old, NO_END))
        high = max(old.high, rows[-1]["position"] or 0)
        new = Snapshot.parse(rows[0]["now"], high)
        place = Place(rows[0]["cluster"], rows[0]["time"])
        if place.cluster != self._place.cluster or new.xmax < old.xmax:
            self._restart()  # another or an older copy of the database: its log is another
            raise _no_reader()
        self._snapshot, self._place = new, place
        del self._fresh[: len(waiting)]
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
    ) -> AsyncGenerator[AsyncIterator[Heard], None]:
        """The changes of an owner's rows; see models.ports.Changes."""
        await _soon(self._ready.wait())
        listener = Listener()
        owners = {owner, viewer.user_id or owner}
        for one in owners:
            self._listeners.setdefault(one, set()).add(listener)
        try:
            yield self._heard(listener, owner, viewer, after)
        finally:
            for one in owners:
                self._listeners[one].discard(listener)
                if not self._listeners[one]:
                    del self._listeners[one]

    async def _heard(
        self, listener: Listener, owner: str, viewer: Viewer, after: str | None
    ) -> AsyncIterator[Heard]:
        resuming = Resuming(self._signer, viewer, owner)
        position = None if after is None else await self._resumed(resuming, after)
        start, place = self._snapshot, self._place
        if start is None:
            raise _no_reader()
        if position is None:
            yield Heard(lambda: resuming.sign(Position(start), place), reset=after is not None)
        else:
            async for batch in self._missed(owner, position, start):
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
        await _soon(fresh)
        ahead = self._snapshot is None or position.new.xmax > self._snapshot.xmax
        return None if ahead else position

    async def _missed(
        self, owner: str, position: Position, start: Snapshot
    ) -> AsyncIterator[Batch]:
        """What `start` sees and was not heard, in batches of bounded size."""
        for old, new in position.steps(start):
            after = _after(old, new.high)
            found = await self._database.fetch(_MISSED, *after, owner, str(new))
            missed = [row["position"] for row in found]
            for first in range(0, len(missed), PAGE):
                rows = await self._database.fetch(_PAGE, missed[first : first + PAGE])
                yield Batch(old, new, rows, last=first + PAGE >= len(missed))


def _after(old: Snapshot, last: int) -> tuple[str, list[str], int, int]:
    """The arguments of _NEW, up to the position `last`."""
    return str(old), [str(xid) for xid in old.running], old.high, last


async def _soon(waiting: Awaitable[Any]) -> None:
    """Wait for the reader. Raises Unavailable when it does not come."""
    try:
        async with asyncio.timeout(PATIENCE):
            await waiting
    except TimeoutError:
        raise _no_reader() from None


def _no_reader() -> Unavailable:
    return Unavailable("The changes can't be read at the moment.", retry_after=1)
