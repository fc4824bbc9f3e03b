"""Balances: what an owner's answers have cost, by day and model, added up from the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from models.errors import Invalid
from models.permissions import Permission

if TYPE_CHECKING:
    from models.verbs import Actor

LONGEST = timedelta(days=100)

_SPENT = """\
SELECT date_trunc('day', created_at, 'UTC') AS day, model, sum(spent) AS spent, count(*) AS answers
FROM credit_ledger WHERE event = 'settled' AND {column} = $1
AND created_at >= $2 AND created_at < $3 GROUP BY 1, 2 ORDER BY 1 DESC, 2"""
_BY_USER, _BY_ORG = (_SPENT.format(column=column) for column in ("owner_id", "org_id"))


@dataclass(frozen=True, slots=True)
class CreditBalance:
    """What the answers of a model have cost on the day, in UTC, that begins at `day`."""

    day: datetime
    model: str
    spent: Decimal
    answers: int


async def balances_of(
    actor: Actor, org_id: str | None, since: datetime, until: datetime
) -> Sequence[CreditBalance]:
    """Those of the viewer's own, or of what was asked for in an organisation, newest day first.

    Nothing to who may not see it. Raises Invalid.
    """
    owner = org_id or actor.viewer.user_id
    if owner is None or not actor.viewer.holds(Permission.BILLING, owner):
        return ()
    if not timedelta() <= until - since <= LONGEST:
        raise Invalid(f"At most {LONGEST.days} days after `since`.", field="until")
    sql = _BY_ORG if owner.startswith("org_") else _BY_USER
    rows = await actor.database.fetch(sql, owner, since, until)
    return [CreditBalance(**row) for row in rows]
