"""A clock that goes only when it is told to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2031, 5, 17, 8, 30, 0, 250_000, tzinfo=UTC)


class FakeClock:
    """See models.ports.Clock; `tick` is what each look at it adds."""

    def __init__(self, start: datetime = START, tick: timedelta = timedelta()) -> None:
        self._now = start
        self._tick = tick

    def now(self) -> datetime:
        """The time it was set to."""
        self._now += self._tick
        return self._now

    def advance(self, **duration: float) -> datetime:
        """Go forward: `advance(minutes=5)`. Returns the new time."""
        self._now += timedelta(**duration)
        return self._now
