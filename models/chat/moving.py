"""Moving a project or a conversation, with all below it, to another owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.accounts.audit_logs import AuditAction, audit
from models.chat.below import parts_of
from models.chat.conversations import Conversation
from models.chat.projects import Project
from models.chat.share_links import ShareLink, end_links
from models.errors import Conflict
from models.permissions import Permission
from models.verbs import verb

if TYPE_CHECKING:
    from models.transaction import Transaction


@verb.needing(Permission.MOVE)
async def move_project(tx: Transaction, project_id: str, org_id: str | None) -> Project:
    """Give a project to an organisation, or back to the viewer. WRITE is needed where it goes.

    Its conversations are locked with it, so whoever adds to them meanwhile waits, and then adds to
    what the new owner has.
    """
    project = await tx.reach(Project, project_id, field="id")
    moved = _to(tx, org_id, project)
    if moved is None:
        return project
    former = project.owner_id
    await project.change(**moved)
    await tx.change_many(Conversation, "project_id = $1", project.id, **moved)
    await _hand_over(tx, project, former)
    return project


@verb.needing(Permission.MOVE)
async def move_conversation(
    tx: Transaction, conversation_id: str, org_id: str | None
) -> Conversation:
    """The same for a conversation, which leaves its folder. Raises Conflict for that of an app."""
    conversation = await tx.reach(Conversation, conversation_id, field="id")
    if conversation.main:
        raise Conflict("Move the project that it belongs to.")
    moved = _to(tx, org_id, conversation)
    if moved is None:
        return conversation
    former = conversation.owner_id
    await conversation.change(**moved, project_id=None)
    await _hand_over(tx, conversation, former)
    return conversation


def _to(tx: Transaction, org_id: str | None, root: Project | Conversation) -> dict[str, Any] | None:
    """What to change of a root; None where it is already. Raises Forbidden or NotFound."""
    viewer = tx.actor.viewer
    owner = viewer.id if org_id is None else org_id
    viewer.require(Permission.WRITE, owner, field="orgId")
    if owner == root.owner_id:
        return None
    # Whoever takes something out of an organisation has it from then on.
    return {"owner_id": owner} if org_id is not None else {"owner_id": owner, "user_id": owner}


async def _hand_over(tx: Transaction, root: Project | Conversation, former: str) -> None:
    parts = parts_of(type(root))
    await end_links(tx, dict(parts)[ShareLink], root.id)  # the new owner has shared nothing
    for model, where in parts:
        await tx.hand_over(model, where, root.id, root.owner_id)
    away, here = {"to": root.owner_id}, {"from": former}
    await audit(tx, AuditAction.MOVED_OUT, root, owner=former, **away)
    await audit(tx, AuditAction.MOVED_IN, root, owner=root.owner_id, **here)
