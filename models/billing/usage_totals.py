"""Totals of what an owner used in one billing period.

They are added up when they are asked for, over the index of the period and the owner: what is read
are this one owner's events of this one month, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from models.billing.periods import checked_period, period_of
from models.billing.usage_events import UsageEvent, UsageMetric
from models.statements import Owners, reachable

if TYPE_CHECKING:
    from models.verbs import Actor

_OWNERS = Owners(first=5)
_TOTALS = f"""\
SELECT grouping(e.day, e.model, e.feature) AS grouped, e.day, e.model, e.feature,
    count(*) AS events, count(*) FILTER (WHERE NOT e.measured) AS unmeasured,
    sum(e.quantity) AS quantity, sum(e.cost_usd) AS cost_usd
FROM (
    SELECT to_char(t.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day,
        coalesce(t.model, '') AS model, t.feature, t.measured, t.quantity, t.cost_usd
    FROM usage_event t
    WHERE t.billing_period = $1 AND t.owner_id = $2 AND t.metric = $3
    AND ($4::text IS NULL OR t.agent_id = $4) AND {reachable(UsageEvent, _OWNERS)}
) e
GROUP BY GROUPING SETS ((), (e.day), (e.model), (e.feature))
ORDER BY grouped, e.day, cost_usd DESC, e.model, e.feature"""
_ALL, _DAYS, _MODELS, _FEATURES = 0b111, 0b011, 0b101, 0b110  # what a row is not grouped by


@dataclass(frozen=True, slots=True)
class UsageTotal:
    """What some events come to; `key` is the day, model or feature that they share."""

    key: str
    events: int = 0
    unmeasured: int = 0
    quantity: int = 0
    cost_usd: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class UsageTotals:
    """What a period comes to; each of the lists has all of it."""

    billing_period: str
    metric: UsageMetric
    total: UsageTotal
    by_day: Sequence[UsageTotal]
    by_model: Sequence[UsageTotal]
    by_feature: Sequence[UsageTotal]


async def totals_of(
    actor: Actor, owner: str | None, period: str | None, metric: UsageMetric, agent_id: str | None
) -> UsageTotals | None:
    """What an owner, by default the viewer, used in a period, by default the present one.

    None for nobody, and of an owner whose usage the viewer may not see. Raises Invalid for what is
    no period.
    """
    viewer = actor.viewer
    owner = viewer.user_id if owner is None else owner
    period = period_of(actor.clock.now()) if period is None else checked_period(period)
    reached = viewer.owners_of(_OWNERS.permissions)
    if viewer.user_id is None or not any(owner in owners for owners in reached):
        return None
    rows = await actor.database.fetch(_TOTALS, period, owner, metric, agent_id, *reached)
    grouped: dict[int, list[UsageTotal]] = {}
    for row in rows:
        grouped.setdefault(row["grouped"], []).append(_total(row))
    (total,) = grouped.get(_ALL) or [UsageTotal("")]
    lists = (grouped.get(one, []) for one in (_DAYS, _MODELS, _FEATURES))
    return UsageTotals(period, metric, total, *lists)


def _total(row: Mapping[str, Any]) -> UsageTotal:
    key = row["day"] or row["model"] or row["feature"] or ""
    counts = row["events"], row["unmeasured"], int(row["quantity"] or 0)
    return UsageTotal(key, *counts, row["cost_usd"] or Decimal(0))
