"""What is kept for a while only: the event log, the idempotency keys and the slow operations."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.ports import Clock, Database

LOG_KEPT = timedelta(hours=25)  # an hour more than a resume token holds
SLOW_KEPT = timedelta(days=7)  # after an operation was last seen to be slow
BATCH = 5_000

_OLD_EVENTS = f"""\
DELETE FROM event_log WHERE position = ANY (ARRAY(
    SELECT position FROM event_log WHERE at < $1 ORDER BY at LIMIT {BATCH}))"""
_OLD_KEYS = f"""\
DELETE FROM idempotency_key WHERE row_id = ANY (ARRAY(
    SELECT row_id FROM idempotency_key WHERE expires_at < $1 ORDER BY expires_at LIMIT {BATCH}))"""
# Rows that a process is adding to just now are left alone: whoever waits can be in a deadlock.
_OLD_SLOW = """\
DELETE FROM slow_operation WHERE row_id = ANY (ARRAY(
    SELECT row_id FROM slow_operation WHERE last_seen < $1 FOR UPDATE SKIP LOCKED))"""


async def forget_the_old(database: Database, clock: Clock) -> None:
    """Delete what is past its time, a bounded number of rows a call."""
    async with database.connection() as connection:
        await connection.execute(_OLD_EVENTS, clock.now() - LOG_KEPT)
        await connection.execute(_OLD_KEYS, clock.now())
        await connection.execute(_OLD_SLOW, clock.now() - SLOW_KEPT)
