"""Rate limits: how often something was done in the window that runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from models import fields
from models.access import OperatorOnly
from models.base import Record
from models.errors import RateLimited
from models.indexes import index, unique
from models.verbs import verb

if TYPE_CHECKING:
    from models.transaction import Transaction


class RateLimit(Record):
    """What is counted under one key, in windows of a fixed length."""

    prefix = "rlm"
    access = OperatorOnly()
    indexes = (unique("key"), index("window_start", "id"))

    key: str = fields.key("What is limited, such as `user_<id>_<action>`.")
    count: int = fields.integer("How often it was done in the window.")
    window_start: datetime = fields.moment("When the window began.")
    limit_count: int = fields.integer("How often it may be done in a window.")
    window_ms: int = fields.integer("How long a window is, in milliseconds.", least=1, most=2**53)

    class Meta:
        table = "rate_limit"

    @property
    def over_at(self) -> datetime:
        """When the window ends."""
        return self.window_start + timedelta(milliseconds=self.window_ms)

    def refuse_if_used_up(self, now: datetime) -> None:
        """Raise RateLimited when nothing is left in the window that runs."""
        if self.count >= self.limit_count and now < self.over_at:
            wait = (self.over_at - now).total_seconds()
            raise RateLimited("Too many tries; come back later.", retry_after=wait)


@dataclass(frozen=True, slots=True)
class Limit:
    """How often something may be done under a key in a window."""

    key: str
    most: int
    window: timedelta
    begins: datetime | None = None
    """When the window begins; None for the first try."""


@verb.needing(None)
async def count_try(tx: Transaction, limits: Sequence[Limit]) -> None:
    """Count one more under each key. Raises RateLimited, counting none, where one is used up."""
    for limit in sorted(limits, key=lambda limit: limit.key):
        await _count(tx, limit)


async def _count(tx: Transaction, limit: Limit) -> None:
    known = await tx.first(RateLimit, "key = $1", limit.key)
    if known is None:
        await tx.add(_begun(tx, limit))
        return
    known.refuse_if_used_up(tx.now)  # without its lock, for which all others would wait
    await tx.lock(RateLimit, known.id)
    if known.over_at <= tx.now:
        begun = _begun(tx, limit)
        names = ("count", "window_start", "limit_count", "window_ms")
        await known.change(**{name: getattr(begun, name) for name in names})
        return
    known.refuse_if_used_up(tx.now)
    await known.change(count=known.count + 1)


def _begun(tx: Transaction, limit: Limit) -> RateLimit:
    window = limit.window // timedelta(milliseconds=1)
    return RateLimit(
        key=limit.key,
        count=1,
        window_start=limit.begins or tx.now,
        limit_count=limit.most,
        window_ms=window,
    )
