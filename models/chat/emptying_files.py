"""What becomes of files: an erased owner's that no row refers to are due at once, the others are
looked at when what refers to them goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.accounts.users import User
from models.chat.attachments import Attachment
from models.chat.deletion import Phase, empties
from models.files.stored_files import StoredFile, release_all

if TYPE_CHECKING:
    from models.transaction import Transaction

_LATER = "owner_id = $1 AND due_at > $2 ORDER BY created_at, id"


@dataclass(frozen=True, slots=True)
class Attachments(Phase):
    """A phase that removes attachments, and lets go of their files in the same transaction."""

    async def empty(self, tx: Transaction, root_id: str, most: int) -> int:
        """Remove at most so many attachments and return how many there were."""
        bounded = f"{self.where} ORDER BY {self.order} LIMIT {most}"
        gone = await tx.find(Attachment, bounded, root_id, lock=True)
        if files := [one.stored_file_id for one in gone if one.stored_file_id]:
            await release_all(tx, files)
        return await tx.remove_many(Attachment, "id = ANY($1)", [one.id for one in gone])


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
