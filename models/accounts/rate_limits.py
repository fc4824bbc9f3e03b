"""Rate limits: how often something was done in the window that runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from models import changes, fields, ids
from models.access import OperatorOnly
from models.base import Record
from models.errors import RateLimited
from models.indexes import index, unique
from models.verbs import verb

if TYPE_CHECKING:
    from models.transaction import Transaction

KEPT = timedelta(days=2)
"""How long a window is kept from its beginning on; a longer one until it ends."""
SOON_AFTER = timedelta(hours=1)
"""How long one that is over by then is kept: each address has a row for each limit of a minute."""
LOOKED_BACK = timedelta(hours=2)
"""How much longer it is looked for. What is left by then, as no worker ran, is kept as the others
are: to look further back is to walk over all that run for a day."""
SWEPT = 500
"""Windows that one call of `forget_windows` removes at most."""

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


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
        return self.window_start + self.window_ms * MILLISECOND


@dataclass(frozen=True, slots=True)
class Limit:
    """How often something may be done under a key in a window."""

    key: str
    most: int
    window: timedelta
    begins: datetime | None = None
    """When the window begins; None for the first try."""
    by: int = 1
    """How often it is done now."""


_COUNTED = ("updated_at", "count", "window_start", "limit_count", "window_ms")
_ROW = f"t.id, t.created_at, t.key, {', '.join(f't.{name}' for name in _COUNTED)}"
_NOW = "$1::timestamptz"
_OVER = f"t.window_start + t.window_ms * interval '1 millisecond' <= {_NOW}"

# The windows as they were, and after them as they are counted. Where one has no room nothing is
# counted, nor is any row locked: refusing many does not hold up those who are let in. A row that
# a neighbour changes meanwhile is counted as the neighbour left it, and may get above its limit.
_COUNT = f"""\
WITH try AS (
    SELECT * FROM unnest($2::text[], $3::text[], $4::bigint[], $5::timestamptz[], $6::bigint[],
        $7::bigint[]) AS try (id, key, by, begins, most, window_ms)
), known AS (
    SELECT {_ROW} FROM rate_limit t WHERE t.key = ANY ($3::text[])
), counted AS (
    INSERT INTO rate_limit AS t
        (id, created_at, updated_at, key, count, window_start, limit_count, window_ms)
    SELECT id, {_NOW}, {_NOW}, key, by, begins, most, window_ms FROM try
    WHERE NOT EXISTS (
        SELECT 1 FROM known t JOIN try USING (key)
        WHERE NOT {_OVER} AND t.count + try.by > t.limit_count)
    ORDER BY key
    ON CONFLICT (key) DO UPDATE SET
        updated_at = excluded.updated_at,
        count = CASE WHEN {_OVER} THEN 0 ELSE t.count END + excluded.count,
        window_start = CASE WHEN {_OVER} THEN excluded.window_start ELSE t.window_start END,
        limit_count = CASE WHEN {_OVER} THEN excluded.limit_count ELSE t.limit_count END,
        window_ms = CASE WHEN {_OVER} THEN excluded.window_ms ELSE t.window_ms END
    RETURNING {_ROW}
)
SELECT false AS counted, known.* FROM known UNION ALL SELECT true, counted.* FROM counted"""


@verb.needing(None)
async def count_try(tx: Transaction, limits: Sequence[Limit]) -> None:
    """Count under each key, in one statement. Raises RateLimited where one has no room left.

    A window that is over begins anew; until then a key keeps the limit that its window began with.
    The refusal undoes the transaction, and with it what was counted under the other keys.
    """
    made = [ids.new_id(RateLimit.prefix) for _ in limits]
    rows = await tx.connection.fetch(_COUNT, tx.now, made, *_columns(limits, tx.now))
    known = {row["key"]: RateLimit.from_row(row) for row in rows if not row["counted"]}
    counted = [RateLimit.from_row(row) for row in rows if row["counted"]]
    full = [one for one in counted if one.count > one.limit_count]
    if full or not counted:
        raise _refusal(full or _without_room(known, limits, tx.now), tx.now)
    for one in counted:
        tx.notes.add(changes.added(one) if one.id in made else _changed(one, known.get(one.key)))


def _columns(limits: Sequence[Limit], now: datetime) -> Sequence[list[Any]]:
    return (
        [limit.key for limit in limits],
        [limit.by for limit in limits],
        [limit.begins or now for limit in limits],
        [limit.most for limit in limits],
        [limit.window // MILLISECOND for limit in limits],
    )


def _without_room(
    known: Mapping[str, RateLimit], limits: Sequence[Limit], now: datetime
) -> list[RateLimit]:
    found = [(known[limit.key], limit.by) for limit in limits if limit.key in known]
    return [one for one, by in found if one.over_at > now and one.count + by > one.limit_count]


def _refusal(full: Sequence[RateLimit], now: datetime) -> RateLimited:
    wait = max(one.over_at for one in full) - now
    return RateLimited("Too many tries; come back later.", retry_after=wait.total_seconds())


def _changed(row: RateLimit, former: RateLimit | None) -> changes.Change:
    """The note on a counted row; one without a former was added by a neighbour meanwhile."""
    was = former or row
    written = [n for n in _COUNTED if former is None or getattr(row, n) != getattr(was, n)]
    return changes.changed(row, written, was.index_keys(), row.owner)


# The condition is there twice: a row that begins a new window while it is waited for stays. They
# are locked in the order in which they are counted. A range tells a planner that does not know the
# values that it is narrow.
_OLD = f"t.window_start BETWEEN $2 AND $3 AND {_OVER}"
_SWEPT = f"""\
{_OLD} AND t.id = ANY (ARRAY(
    SELECT t.id FROM rate_limit t WHERE {_OLD} ORDER BY t.window_start LIMIT {SWEPT}))
ORDER BY t.key"""


@verb.needing(None)
async def forget_windows(tx: Transaction) -> bool:
    """Remove windows that are over and long past, SWEPT at most; whether there may be more."""
    return await _forget(tx, LONG_AGO, tx.now - KEPT)


@verb.needing(None)
async def forget_short_windows(tx: Transaction) -> bool:
    """The same of windows that were soon over, and are for about an hour."""
    latest = tx.now - SOON_AFTER
    return await _forget(tx, latest - LOOKED_BACK, latest)


async def _forget(tx: Transaction, earliest: datetime, latest: datetime) -> bool:
    return await tx.remove_many(RateLimit, _SWEPT, tx.now, earliest, latest) == SWEPT
