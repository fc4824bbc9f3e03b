"""Sweeping: files that nobody wants are given up, and then their bytes and rows removed.

First a transaction gives a file up; only when that is committed its bytes go, and last its row. So
bytes never go without the row's end being decided, and a crash at any point leaves a row that is
due again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from models.files.stored_files import GRACE, UPLOAD_LASTS, StoredFile, wanted
from models.verbs import verb

if TYPE_CHECKING:
    from models.storing import Files
    from models.transaction import Transaction
    from models.verbs import Actor

BATCH = 50
AGAIN = timedelta(minutes=10)  # before a removal that did not end is tried anew

_DUE = f"due_at <= $1 ORDER BY due_at LIMIT {BATCH}"


async def sweep_files(actor: Actor, files: Files) -> bool:
    """Work off files that are due, a bounded number; whether there were any.

    Raises Unavailable when the storage is; they are due again later.
    """
    given_up, kept = await _look(actor)
    for key in kept:
        await files.remove_upload(key)
    for id, key in given_up:
        await files.remove(key)
        await _forget(actor, id, at_once=not files.directly)
    return bool(given_up or kept)


@verb.needing(None)
async def _look(tx: Transaction) -> tuple[Sequence[tuple[str, str]], Sequence[str]]:
    """Give up what nobody wants: the ids and keys to remove, and the keys of what is wanted."""
    due = await tx.find(StoredFile, _DUE, tx.now, lock=True)
    ids = [file.id for file in due]
    # With the rows locked nobody can begin to want one: whoever refers to a file locks it first.
    kept = {file.id for file in await tx.find(StoredFile, f"t.id = ANY($1) AND {wanted()}", ids)}
    for file in due:
        if file.id in kept:
            await file.change(due_at=None)
        else:
            await file.change(deleted_at=file.deleted_at or tx.now, due_at=tx.now + AGAIN)
    given_up = [(file.id, file.storage_key) for file in due if file.id not in kept]
    return given_up, [file.storage_key for file in due if file.id in kept]


@verb.needing(None)
async def _forget(tx: Transaction, id: str, *, at_once: bool) -> None:
    """Remove the row of a file whose bytes are gone, and can't come back any more."""
    file = await tx.lock(StoredFile, id)
    if file is None:
        return
    closed_at = file.created_at + UPLOAD_LASTS + GRACE
    if at_once or closed_at <= tx.now:
        await file.remove()
    else:
        await file.change(due_at=closed_at)
