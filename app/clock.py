"""The system's clock."""

from __future__ import annotations

from datetime import UTC, datetime


class SystemClock:
    """The time of this machine; see models.ports.Clock."""

    def now(self) -> datetime:
        """The current time in UTC, cut to whole milliseconds."""
        now = datetime.now(UTC)
        return now.replace(microsecond=now.microsecond // 1_000 * 1_000)
