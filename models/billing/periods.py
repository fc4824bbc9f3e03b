"""Billing periods: the months of UTC, written `2026-01`."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from models.errors import Invalid

_PERIOD = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


def period_of(moment: datetime) -> str:
    """The period in which a time lies."""
    return f"{moment.astimezone(UTC):%Y-%m}"


def checked_period(period: str) -> str:
    """The period itself. Raises Invalid for what is none."""
    if not _PERIOD.fullmatch(period) or period < "0001":
        raise Invalid("A billing period is a month, such as 2026-01.", field="billingPeriod")
    return period


def after(period: str) -> str:
    """The next period."""
    year, month = int(period[:4]), int(period[5:])
    return f"{year:04d}-{month + 1:02d}" if month < 12 else f"{year + 1:04d}-01"
