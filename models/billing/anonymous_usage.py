"""What guests have used today, by their ids and by the addresses they come from."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from models import fields
from models.access import OperatorOnly
from models.base import Record
from models.indexes import index, unique
from models.verbs import verb

if TYPE_CHECKING:
    from models.transaction import Transaction

BATCH = 100
KEPT = timedelta(days=2)  # no day is longer

_OVER = f"daily_reset < $1 ORDER BY daily_reset LIMIT {BATCH}"
# Two that begin the same count at once would both insert it.
_ONE_COUNTER = "SELECT pg_advisory_xact_lock(hashtext('punnet.guests'), hashtext($1))"


class AnonymousUsage(Record):
    """How many messages guests of one id, or from one address, have sent today."""

    prefix = "anu"
    access = OperatorOnly()
    indexes = (unique("anonymous_id"), index("daily_reset"), index("created_at", "id"))

    anonymous_id: str = fields.key("Who is counted: a guest's id, or `ip_<address>`.")
    daily_message_count: int = fields.integer("Messages sent that day.", default=0)
    daily_reset: datetime | None = fields.moment("When that day began.", null=True)

    class Meta:
        table = "anonymous_usage"


async def usage_of(tx: Transaction, anonymous_id: str) -> AnonymousUsage:
    """The locked count of a guest or an address, made if there is none."""
    await tx.connection.execute(_ONE_COUNTER, anonymous_id)
    known = await tx.first(AnonymousUsage, "anonymous_id = $1", anonymous_id, lock=True)
    return known or await tx.add(AnonymousUsage(anonymous_id=anonymous_id))


@verb.needing(None)
async def forget_days(tx: Transaction) -> None:
    """Remove the counts of days that are over, a bounded number of rows a call."""
    await tx.remove_many(AnonymousUsage, _OVER, tx.now - KEPT)
