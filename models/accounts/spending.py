"""What the operations of users and addresses have cost in a minute, over all servers.

Each server counts by itself, and adds what it counted to the rows of all: one statement for all
whose operations cost something since the last time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from models import ids
from models.accounts.desk import network_of
from models.accounts.rate_limits import RateLimit

if TYPE_CHECKING:
    from models.ports import Client, Database

WINDOW = timedelta(minutes=1)

# In the order of the keys, as count_try has it: servers never wait for each other. A server whose
# clock is behind does not take a minute back.
_SPEND = """\
INSERT INTO rate_limit AS t
    (id, created_at, updated_at, key, count, window_start, limit_count, window_ms)
SELECT r.id, $1, $1, r.key, r.cost, $1, $2, $3
FROM unnest($4::text[], $5::text[], $6::bigint[]) AS r (id, key, cost) ORDER BY r.key
ON CONFLICT (key) DO UPDATE SET
    updated_at = excluded.updated_at,
    count = CASE WHEN t.window_start = $1 THEN t.count ELSE 0 END + excluded.count,
    window_start = $1, limit_count = $2, window_ms = $3
WHERE t.window_start <= $1
RETURNING t.key, t.count"""


def payer(user_id: str | None, client: Client) -> str:
    """The key by which an operation is counted: its user's, or the address's without one."""
    whose = f"user_{user_id}" if user_id else f"ip_{network_of(client.address)}"
    return f"{whose}_cost"


async def spend(
    database: Database, begins: datetime, most: int, costs: Mapping[str, int]
) -> dict[str, int]:
    """Add `costs` to the window that begins at `begins`; what each key has cost there in all.

    Keys whose window is a later one are left out. Nobody hears of it: the event log has no note.
    """
    made = [ids.new_id(RateLimit.prefix) for _ in costs]
    window = WINDOW // timedelta(milliseconds=1)
    rows = await database.fetch(
        _SPEND, begins, most, window, made, list(costs), list(costs.values())
    )
    return {row["key"]: row["count"] for row in rows}
