"""Undoing deletions: what was hidden is shown again, as long as nothing of it was removed.

A project or conversation only loses its mark. Messages go back to where they were; what came to be
there meanwhile stays, as their versions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.accounts.orgs import Org
from models.accounts.users import User
from models.chat import branches
from models.chat.attachments import Attachment
from models.chat.conversations import Conversation
from models.chat.deletion import DeletionJob, DeletionKind, DeletionState
from models.chat.messages import FAMILY_OF, Message
from models.chat.projects import Project
from models.errors import Conflict, NotFound
from models.ids import prefix_of
from models.verbs import verb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.transaction import Transaction

_FIRST = f"{FAMILY_OF} = $1 ORDER BY branch_index"
_SENT_AGAIN = """\
conversation_id = $1 AND client_message_id IS NOT NULL AND EXISTS (
    SELECT 1 FROM message o
    WHERE o.conversation_id = $2 AND o.client_message_id = t.client_message_id OFFSET 0)"""
_ALL = "t.conversation_id = $1"


@dataclass(frozen=True, slots=True)
class Undone:
    """What is back: a project, a conversation or a message, and the conversation of messages."""

    project: Project | None = None
    conversation: Conversation | None = None
    message: Message | None = None


@verb
async def undo_deletion(tx: Transaction, deletion_id: str) -> Undone:
    """Show again what was deleted, and forget the deletion.

    Raises Conflict once the emptying has begun, and where that to which it belonged is deleted
    itself, or another's.
    """
    job = await tx.reach(DeletionJob, deletion_id, field="id")
    if job.state is not DeletionState.PENDING:
        raise Conflict("Its rows are being removed, or gone.")
    await _refuse_erased(tx, job.owner_id)
    undone = await _undone(tx, job)
    await job.remove()
    return undone


async def _undone(tx: Transaction, job: DeletionJob) -> Undone:
    match job.kind:
        case DeletionKind.PROJECT:
            return Undone(project=await _show_project(tx, job.root_id))
        case DeletionKind.CONVERSATION:
            return Undone(conversation=await _show_conversation(tx, job))
        case DeletionKind.CLEARED | DeletionKind.MESSAGE:
            return await _put_back(tx, job)
        case _:
            raise Conflict("This can't be undone.")


async def _refuse_erased(tx: Transaction, owner_id: str) -> None:
    """Raise NotFound for an owner who was deleted since the viewer's rights were read."""
    model = Org if prefix_of(owner_id) == Org.prefix else User
    owner = await tx.lock(model, owner_id)
    if owner is None or owner.deleted_at is not None:
        raise NotFound("There is no such thing, or it is not yours.", field="id")


async def _show_project(tx: Transaction, id: str) -> Project:
    project = await tx.lock(Project, id)
    assert project is not None, "projects are emptied, never removed"
    return await project.change(deleted_at=None)


async def _show_conversation(tx: Transaction, job: DeletionJob) -> Conversation:
    """Raises Conflict while its folder is deleted, and once it went with it or moved with it."""
    hidden = await tx.first(Conversation, "id = $1", job.root_id, lock=True)
    if hidden is None:
        raise Conflict("It went with its folder.")
    if hidden.owner_id != job.owner_id:
        raise Conflict("It belongs to another owner now.")
    if hidden.project_id is not None:
        folder = await tx.lock(Project, hidden.project_id)
        if folder is None or folder.deleted_at is not None:
            raise Conflict("Its folder was deleted; undo that first.")
    return await hidden.change(deleted_at=None)


async def _put_back(tx: Transaction, job: DeletionJob) -> Undone:
    """Put discarded messages where they were, shown if they were selected."""
    conversation, gone = await _home(tx, job), job.root_id
    # What was sent again meanwhile has the client's id now.
    await tx.change_many(Message, _SENT_AGAIN, gone, conversation.id, client_message_id=None)
    first = await tx.find(Message, _FIRST, gone, lock=True)
    there = await tx.find(Message, _FIRST, job.parent_id or conversation.id)
    placed = _placed(first, there)
    shown = next((message for message in first if message.selected), None)
    if shown is None and not there:
        shown = first[0]
    # Mostly they were on the selected branch and are again: then none but these has to change.
    as_before = shown is not None and shown.on_branch and await _is_shown(tx, job.parent_id)
    if as_before:
        await branches.make_way(tx, conversation, job.parent_id)
    await _move(tx, job, conversation, placed, {} if as_before else {"on_branch": False})
    if shown is not None and not as_before:
        await branches.select(tx, conversation, shown)
    await _empty_bin(tx, conversation, gone)
    return Undone(
        conversation=conversation, message=first[0] if job.kind is DeletionKind.MESSAGE else None
    )


async def _move(
    tx: Transaction,
    job: DeletionJob,
    conversation: Conversation,
    placed: Sequence[tuple[Message, int]],
    columns: dict[str, Any],
) -> None:
    """Move discarded messages back, the first of them to their places among their siblings."""
    project = conversation.project_id if conversation.main else None
    place = {"conversation_id": conversation.id, "project_id": project, **columns}
    for message, index in placed:
        await message.change(parent_id=job.parent_id, branch_index=index, **place)
    await tx.change_below(conversation, Message, _ALL, job.root_id, **place)
    attached = {"conversation_id": conversation.id}
    await tx.change_below(conversation, Attachment, _ALL, job.root_id, **attached)


async def _is_shown(tx: Transaction, parent_id: str | None) -> bool:
    """Whether the selected branch leads to a message, or to the beginning for None."""
    if parent_id is None:
        return True
    parent = await tx.first(Message, "id = $1", parent_id)
    return parent is not None and parent.on_branch


async def _home(tx: Transaction, job: DeletionJob) -> Conversation:
    """Lock the conversation that messages go back to. Raises Conflict."""
    assert job.conversation_id is not None
    try:
        conversation = await tx.reach(Conversation, job.conversation_id)
    except NotFound as error:
        raise Conflict("Its conversation was deleted; undo that first.") from error
    if conversation.owner_id != job.owner_id:
        raise Conflict("Its conversation belongs to another owner now.")
    if job.parent_id is not None:
        where = "id = $1 AND conversation_id = $2"
        if await tx.first(Message, where, job.parent_id, conversation.id) is None:
            raise Conflict("What it followed was deleted; undo that first.")
    return conversation


def _placed(back: Sequence[Message], there: Sequence[Message]) -> list[tuple[Message, int]]:
    """Each message with its index among the siblings `there`: the old one where that is free, or
    else one after the last.

    Raises Conflict when there are too many.
    """
    if len(back) + len(there) > branches.SIBLINGS:
        raise Conflict(f"At most {branches.SIBLINGS} versions of one message.")
    taken, found = {message.branch_index for message in there}, list[tuple[Message, int]]()
    for message in back:
        index = message.branch_index
        found.append((message, index if index not in taken else max(taken) + 1))
        taken.add(found[-1][1])
    return found


async def _empty_bin(tx: Transaction, conversation: Conversation, gone: str) -> None:
    """Have a conversation say again when its last message came, and drop what held its messages."""
    (held,) = await tx.find(Conversation, "id = $1", gone, lock=True)
    times = [row.last_message_at for row in (conversation, held) if row.last_message_at]
    await conversation.change(last_message_at=max(times, default=None))
    await held.remove()
