"""What becomes of an erased owner's files: those that no row refers to are due at once.

The others go with what refers to them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.accounts.users import User
from models.chat.deletion import empties
from models.files.stored_files import StoredFile

if TYPE_CHECKING:
    from models.transaction import Transaction

_LATER = "owner_id = $1 AND due_at > $2 ORDER BY created_at, id"


class Uploads:
    """The step that brings the removal of an erased user's uploads forward."""

    prefix = User.prefix
    rank = 19

    async def empty(self, tx: Transaction, root_id: str, most: int) -> int:
        """Make at most so many due and return how many there were."""
        files = await tx.find(StoredFile, f"{_LATER} LIMIT {most}", root_id, tx.now, lock=True)
        for file in files:
            await file.change(due_at=tx.now)
        return len(files)


empties(Uploads())
