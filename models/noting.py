"""Noting use: a time that is written once a minute, however often something is used."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.base import Record
    from models.ports import Database

EVERY = timedelta(minutes=1)

# Whoever changes the row just now is using it anyhow, and need not be waited for.
_NOTED = """\
UPDATE {table} SET {column} = $2 WHERE id = (
    SELECT id FROM {table} WHERE id = $1 AND ({column} IS NULL OR {column} <= $3)
    FOR NO KEY UPDATE SKIP LOCKED)"""


async def note_time(
    database: Database,
    place: tuple[type[Record], str],
    id: str,
    last: datetime | None,
    now: datetime,
) -> None:
    """Write `now` into the column of a table, for the row `id`, unless `last` was a moment ago.

    Nobody hears of it: the event log has no note.
    """
    if last is None or last <= now - EVERY:
        model, column = place
        statement = _NOTED.format(table=model.table(), column=column)
        await database.fetch(statement, id, now, now - EVERY)
