"""PostgreSQL's snapshots: which transactions one sees."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A `pg_snapshot`: all before `xmax` but those in progress had been committed or undone.

    `high` is the highest position of the log that it shows. PostgreSQL forgets in a crash what
    was undone last, and gives those xids again; what they write then is above `high`.
    """

    xmin: int
    xmax: int
    running: frozenset[int]
    high: int = 0

    @classmethod
    def parse(cls, text: str, high: int = 0) -> Snapshot:
        """Read `10:20:10,14`. Raises ValueError for other text."""
        xmin, xmax, running = text.split(":")
        found = frozenset(map(int, filter(None, running.split(","))))
        return cls(int(xmin), int(xmax), found, high)

    def sees(self, xid: int, position: int) -> bool:
        """Whether the row of the log that `xid` wrote at `position` is visible."""
        return xid < self.xmax and xid not in self.running and position <= self.high

    def __str__(self) -> str:
        return f"{self.xmin}:{self.xmax}:{','.join(map(str, sorted(self.running)))}"
