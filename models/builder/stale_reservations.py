"""Stale reservations: credits still held for what is over, though nothing should leave any."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from models.billing.credits import close_reservation
from models.builder.agent_runs import AgentRun, AgentRunStatus
from models.chat.charging import charge
from models.chat.messages import UNFINISHED, Message
from models.verbs import verb

if TYPE_CHECKING:
    from models.transaction import Transaction

PATIENCE = timedelta(hours=1)

# OFFSET 0 keeps each a look-up by key, whatever the planner thinks of the tables' sizes.
_STALE = f"""\
SELECT subject_id FROM credit_reservation r WHERE state = 'open' AND created_at < $1
AND NOT EXISTS (SELECT 1 FROM message m WHERE m.id = r.subject_id AND m.{UNFINISHED} OFFSET 0)
AND NOT EXISTS (SELECT 1 FROM agent_run a WHERE a.id = r.subject_id
    AND a.status IN ('PENDING', 'RUNNING') OFFSET 0)
ORDER BY created_at LIMIT $2"""


@verb
async def close_stale_reservations(tx: Transaction, limit: int = 50) -> int:
    """Close reservations of messages and runs that have ended, or are gone: what is gone is given
    back. Returns how many there were."""
    rows = await tx.connection.fetch(_STALE, tx.now - PATIENCE, limit)
    for subject_id in sorted(row["subject_id"] for row in rows):
        message = await tx.lock(Message, subject_id)
        run = await tx.lock(AgentRun, subject_id) if message is None else None
        if message is not None:
            await charge(tx, message)
        else:
            done = run is not None and run.status is AgentRunStatus.COMPLETED
            await close_reservation(tx, subject_id, spent=done)
    return len(rows)
