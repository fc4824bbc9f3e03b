"""Imports as jobs: how workers take them, keep them, and end them or lose them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from models.builder.imports import Import, ImportSource, ImportStatus
from models.chat.messages import MessageOutcome
from models.verbs import verb

if TYPE_CHECKING:
    from models.ports import Connection
    from models.transaction import Transaction

TRIES = 3
LOST = "The import could not be finished. Please try again."

_ONE_CLAIMER = "SELECT pg_advisory_xact_lock(hashtext('punnet.claim_imports'))"
_DUE = "due_at <= $1 ORDER BY due_at, id LIMIT $2"


@dataclass(frozen=True, slots=True)
class ImportJob:
    """A worker's right to carry out an import, for one try."""

    import_id: str
    user_id: str
    project_id: str
    source: ImportSource
    source_id: str
    source_name: str
    ref: str | None
    worker: str
    tries: int

    def stands(self, row: Import | None) -> bool:
        """Whether it still is one."""
        if row is None or row.status is not ImportStatus.PROCESSING:
            return False
        return (row.worker, row.tries) == (self.worker, self.tries)


@dataclass(frozen=True, slots=True)
class Progress:
    """How much of an import was read; `bytes_total` is None where the source does not tell."""

    bytes_done: int = 0
    bytes_total: int | None = None
    files_done: int = 0


@verb.needing(None)
async def claim_imports(
    tx: Transaction, worker: str, slots: int, lease: timedelta
) -> list[ImportJob]:
    """Take up to `slots` imports that are due; those of dead workers are due again.

    What was begun too often fails.
    """
    await tx.connection.execute(_ONE_CLAIMER)  # else several would wait for the same rows
    jobs: list[ImportJob] = []
    for row in await tx.find(Import, _DUE, tx.now, slots, lock=True):
        if row.tries < TRIES:
            jobs.append(await _begin(tx, row, worker, lease))
        else:
            await row.end(tx, ImportStatus.FAILED, MessageOutcome.FAILED, error=LOST)
    return jobs


async def _begin(tx: Transaction, row: Import, worker: str, lease: timedelta) -> ImportJob:
    await row.change(
        status=ImportStatus.PROCESSING,
        worker=worker,
        tries=row.tries + 1,
        due_at=tx.now + lease,
        bytes_done=0,
        bytes_total=None,
        files_done=0,
    )
    return ImportJob(
        row.id,
        row.user_id,
        row.project_id,
        row.source,
        row.source_id,
        row.source_name,
        row.ref,
        worker,
        row.tries,
    )


_RENEW = """\
UPDATE project_import SET due_at = $3
WHERE id = ANY ($1::text[]) AND worker = $2 AND status = 'PROCESSING'
RETURNING id, tries"""


async def renew_imports(
    connection: Connection, jobs: Collection[ImportJob], worker: str, until: datetime
) -> set[ImportJob]:
    """Hold imports for longer and return those that still stand. No change: nobody need hear."""
    rows = await connection.fetch(_RENEW, [job.import_id for job in jobs], worker, until)
    standing = {(row["id"], row["tries"]) for row in rows}
    return {job for job in jobs if (job.import_id, job.tries) in standing}


@verb.needing(None)
async def note_progress(tx: Transaction, job: ImportJob, progress: Progress) -> None:
    """Have listeners hear how far an import is, if it still stands."""
    row = await held_import(tx, job)
    if row is not None:
        await row.change(
            bytes_done=progress.bytes_done,
            bytes_total=progress.bytes_total,
            files_done=progress.files_done,
        )


@verb.needing(None)
async def give_up_import(
    tx: Transaction, job: ImportJob, error: str, retry_in: timedelta | None
) -> None:
    """End a try that went wrong: wait for the next one, or fail for good after the last.

    `retry_in` is None for an error that no second try would mend; `error` is for the user.
    """
    row = await held_import(tx, job)
    if row is None:
        return
    if retry_in is None or row.tries >= TRIES:
        await row.end(tx, ImportStatus.FAILED, MessageOutcome.FAILED, error=error)
    else:
        await row.change(status=ImportStatus.PENDING, worker=None, due_at=tx.now + retry_in)


@verb.needing(None)
async def hand_back_import(tx: Transaction, job: ImportJob) -> None:
    """Give an unfinished import to another worker at once; the try does not count."""
    row = await held_import(tx, job)
    if row is not None:
        await row.change(
            status=ImportStatus.PENDING, worker=None, due_at=tx.now, tries=row.tries - 1
        )


async def held_import(tx: Transaction, job: ImportJob) -> Import | None:
    """Lock the import of a job; None when it is not the job's any more."""
    row = await tx.lock(Import, job.import_id)
    return row if job.stands(row) else None
