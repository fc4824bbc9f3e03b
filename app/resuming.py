"""Resume tokens: signed places in the log, so that a client goes on where it stopped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from app.snapshots import Snapshot
from models.errors import Invalid
from models.ports import Heard

if TYPE_CHECKING:
    from graphql_schema.core.signed import Signer
    from models.viewer import Viewer

Row = Mapping[str, Any]

LIFETIME = timedelta(hours=24)  # an hour less than the log is kept
PURPOSE = "resume"


@dataclass(frozen=True, slots=True)
class Batch:
    """An owner's rows of the log that `new` sees and `old` does not, in order.

    `last` is false while more of them follow in another batch.
    """

    old: Snapshot
    new: Snapshot
    rows: Sequence[Row]
    last: bool = True

    @property
    def size(self) -> int:
        """How many changes it holds."""
        return sum(len(row["changes"]) for row in self.rows)


@dataclass(frozen=True, slots=True)
class Position:
    """How much of the log somebody has heard.

    All that `new` sees; or, with `old`, all that `old` sees and of the rest of `new` what comes
    up to change number `change` of row `row`.
    """

    new: Snapshot
    old: Snapshot | None = None
    row: int = 0
    change: int = 0

    def has(self, xid: int, row: int, change: int) -> bool:
        """Whether a change was heard."""
        if self.old is None or self.old.sees(xid, row):
            return (self.old or self.new).sees(xid, row)
        return self.new.sees(xid, row) and (row, change) <= (self.row, self.change)

    def steps(self, now: Snapshot) -> list[tuple[Snapshot, Snapshot]]:
        """The steps from snapshot to snapshot that lead from here to `now`.

        One that was left midway is finished first: else a row of it, heard already, could come
        after one with a lower position that was committed later, and no position could tell that.
        """
        unfinished = [(self.old, self.new)] if self.old else []
        return [*unfinished, (self.new, now)]


@dataclass(frozen=True, slots=True)
class Place:
    """Where and when the log is read: the cluster with its timeline, and the database's time in
    milliseconds since 1970. A restored or another database is another cluster or timeline."""

    cluster: str
    time: int


class Resuming:
    """The tokens of one viewer for one owner's changes."""

    def __init__(self, signer: Signer, viewer: Viewer, owner: str) -> None:
        self._signer = signer
        self._viewer = viewer.user_id
        self._owner = owner

    def sign(self, position: Position, place: Place) -> str:
        """The token of a position."""
        old, new = position.old, position.new
        earlier = [str(old), old.high] if old else ["", 0]
        where = [str(new), new.high, *earlier, position.row, position.change]
        names = [self._viewer, self._owner]
        return self._signer.sign(PURPOSE, [*names, place.cluster, place.time, *where])

    def open(self, token: str, place: Place) -> Position | None:
        """The position of a token; None for one that is too old, or of another cluster or owner,
        as those of a project that was moved are.

        Raises Invalid for a token that is forged, or not of this viewer.
        """
        viewer, owner, *where, row, change = self._opened(token)
        cluster, time, new, high, old, old_high = where
        if viewer != self._viewer:
            raise Invalid("The cursor is not of this subscription.", field="after")
        age = timedelta(milliseconds=place.time - time)
        if owner != self._owner or cluster != place.cluster or age > LIFETIME:
            return None
        earlier = Snapshot.parse(old, old_high) if old else None
        return Position(Snapshot.parse(new, high), earlier, row, change)

    def _opened(self, token: str) -> list[Any]:
        try:
            return self._signer.open(PURPOSE, token)
        except Invalid:
            raise Invalid("The cursor was not issued by this server.", field="after") from None

    def heard(self, batch: Batch, position: Position, place: Place) -> Iterator[Heard]:
        """The changes of a batch that come after a position."""
        last = len(batch.rows) - 1
        for number, row in enumerate(batch.rows):
            xid, changes = int(row["xid"]), row["changes"]
            for index, change in enumerate(changes):
                if position.has(xid, row["position"], index):
                    continue
                ends = batch.last and number == last and index == len(changes) - 1
                here = Position(batch.new, batch.old, row["position"], index)
                there = Position(batch.new) if ends else here
                yield Heard(lambda there=there: self.sign(there, place), change)
