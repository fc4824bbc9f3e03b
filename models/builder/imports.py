"""Imports: what projects took over from Figma and GitHub.

One that is wanted is due: a worker takes it when its time has come, and holds it by putting that
time off. What older installations brought along is never due, and nobody carries it out.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from models import fields
from models.access import PartOf
from models.base import Record
from models.builder.agent_runs import ExecutionPhase
from models.chat.messages import MessageOutcome
from models.errors import Conflict
from models.indexes import index
from models.verbs import verb

if TYPE_CHECKING:
    from models.transaction import Transaction

REF_LIMIT = 255
_DUE = "(due_at IS NOT NULL)"


class ImportSource(StrEnum):
    """Where an import comes from."""

    FIGMA = "FIGMA"
    GITHUB = "GITHUB"


class ImportStatus(StrEnum):
    """How far an import is."""

    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    COMPLETE = "COMPLETE"
    FAILED = "FAILED"


class Import(Record):
    """A Figma file or a GitHub repository that a project took over."""

    prefix = "imp"
    access = PartOf("project")
    indexes = (
        index("user_id", "created_at", "id"),
        index("project_id", "created_at", "id"),
        index("message_id"),
        index("fragment_id"),
        index("status"),
        index("due_at", "id", where=_DUE),
        index("user_id", where=_DUE, label="due"),
    )

    owner_id: str = fields.key("Whose import it is.")
    user_id: str = fields.key("Id of the user who asked for it.")
    project: Any = fields.reference("Project", "Id of its project.")
    project_id: str
    message: Any = fields.reference("Message", "Id of the message that asked for it.", null=True)
    message_id: str | None
    source: ImportSource = fields.choice(ImportSource, "Where it comes from.")
    source_id: str = fields.key("Its id there.")
    source_name: str = fields.text("Its name there.", limit=500)
    source_url: str = fields.text("Where it is, by http or https.", limit=2_000)
    ref: str | None = fields.text(
        "The branch, tag or commit that was asked for; null for what the source shows first.",
        limit=REF_LIMIT,
        null=True,
    )
    status: ImportStatus = fields.choice(
        ImportStatus, "How far it is.", default=ImportStatus.PENDING
    )
    outcome: MessageOutcome | None = fields.choice(
        MessageOutcome, "How it ended; null until then.", null=True
    )
    metadata: Any = fields.json("What its source tells about it.", null=True)
    error: str | None = fields.text("What went wrong, in neutral words.", limit=20_000, null=True)
    fragment_id: str | None = fields.key("Id of the fragment that has its files.", null=True)
    bytes_done: int = fields.integer("Bytes read so far.", default=0)
    bytes_total: int | None = fields.integer(
        "Bytes to read; null where the source does not tell.", null=True
    )
    files_done: int = fields.integer("Files taken so far.", default=0)
    completed_at: datetime | None = fields.moment("When it ended.", null=True)
    worker: str | None = fields.key("Who carries it out.", null=True)
    tries: int = fields.integer("How often it was begun.", default=0)
    due_at: datetime | None = fields.moment(
        "When a worker may take it, the one that holds it apart; null when none is to.", null=True
    )

    class Meta:
        table = "project_import"

    @property
    def phase(self) -> ExecutionPhase:
        """How far it is: a failed import whose outcome is CANCELED was called off."""
        if self.outcome is MessageOutcome.CANCELED:
            return ExecutionPhase.CANCELED
        return _PHASES[self.status]

    @property
    def ended(self) -> bool:
        """Whether nothing more comes of it."""
        return self.status in (ImportStatus.COMPLETE, ImportStatus.FAILED)

    async def end(
        self, tx: Transaction, status: ImportStatus, outcome: MessageOutcome, **more: Any
    ) -> Import:
        """Write the end of a locked import."""
        return await self.change(
            status=status, outcome=outcome, completed_at=tx.now, worker=None, due_at=None, **more
        )

    @verb
    async def cancel(self, tx: Transaction) -> Import:
        """Call off an import that has not ended. Raises Conflict for one that has."""
        if self.ended:
            raise Conflict("The import has ended already.")
        return await self.end(tx, ImportStatus.FAILED, MessageOutcome.CANCELED)


_PHASES = {
    ImportStatus.PENDING: ExecutionPhase.QUEUED,
    ImportStatus.PROCESSING: ExecutionPhase.RUNNING,
    ImportStatus.COMPLETE: ExecutionPhase.SUCCEEDED,
    ImportStatus.FAILED: ExecutionPhase.FAILED,
}
