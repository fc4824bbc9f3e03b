"""What becomes of what a deleted organisation owned: hidden with it, and emptied root by root.

When the organisation's retention has passed, its roots are deleted a batch at a time, each with a
job of its own that is due at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from models.accounts.org_members import OrgMember
from models.accounts.orgs import FREE, Org, org_deleted
from models.billing.budgets import CreditBudget
from models.chat.answers import stop_answer
from models.chat.attachments import Attachment
from models.chat.conversations import Conversation
from models.chat.deletion import BATCH, Phase, Tombstone, empties, leaves, schedule
from models.chat.emptying_files import Attachments
from models.chat.generations import Generation, GenerationState
from models.chat.messages import Message, MessageStatus
from models.chat.projects import Project
from models.chat.tool_calls import ToolCall

if TYPE_CHECKING:
    from models.transaction import Transaction

AT_ONCE = timedelta()
NEXT_MESSAGES = f"""\
message_id = ANY (ARRAY(SELECT m.id FROM message m WHERE m.conversation_id = $1
ORDER BY m.order_id DESC LIMIT {BATCH}))"""


@dataclass(frozen=True, slots=True)
class Roots(Phase):
    """A phase that deletes roots instead of removing them."""

    async def empty(self, tx: Transaction, root_id: str, most: int) -> int:
        """Delete at most so many roots and return how many there were."""
        where = f"{self.where} ORDER BY {self.order} LIMIT {most}"
        roots = await tx.find(self.model, where, root_id, lock=True)
        for root in roots:
            await root.change(deleted_at=tx.now)
            await schedule(tx, root, AT_ONCE)
        return len(roots)


LIVE = (GenerationState.RUNNING, GenerationState.QUEUED, GenerationState.AWAITING_APPROVAL)
_MEMBERS = "user_id IN (SELECT m.user_id FROM org_member m WHERE m.org_id = $1)"


async def stop_answers(tx: Transaction, owner: str, who: str, *args: str) -> None:
    """Stop what is being written of an owner's, $1, by the users of whom the condition holds.

    Its own arguments, if any, follow from $2 on.
    """
    for state in LIVE:
        live = f"state = '{state}' AND owner_id = $1 AND {who} ORDER BY message_id"
        for generation in await tx.find(Generation, live, owner, *args):
            message = await tx.lock(Message, generation.message_id)
            if message is not None and message.status is not MessageStatus.COMPLETE:
                await stop_answer(tx, message)


@org_deleted.attach
async def hide(tx: Transaction, org: Org) -> None:
    """Show no project of a deleted organisation any more, stop its answers, and have it emptied
    in time."""
    await stop_answers(tx, org.id, _MEMBERS)
    await tx.change_many(
        Project, "owner_id = $1 AND showcased AND deleted_at IS NULL", org.id, showcased=False
    )
    await schedule(tx, org)


_OWN = "owner_id = $1 AND deleted_at IS NULL"
# IS TRUE, or it would be looked for among everybody's.
LOOSE = f"{_OWN} AND (project_id IS NULL) IS TRUE"
"""An owner's conversations that are in no project."""

empties(
    Roots("org", 10, Project, _OWN, order="created_at, id"),
    Roots("org", 20, Conversation, LOOSE, order="updated_at, id"),
    Phase("org", 30, OrgMember, "org_id = $1", order="created_at, id"),
    Phase("org", 40, CreditBudget, "owner_id = $1"),
    Attachments("cnv", 50, Attachment, NEXT_MESSAGES),
    Phase("cnv", 60, Generation, NEXT_MESSAGES),
    Phase("cnv", 65, ToolCall, NEXT_MESSAGES),
    Phase("cnv", 70, Message, "conversation_id = $1", order="order_id DESC"),
    Attachments("cnv", 80, Attachment, "conversation_id = $1"),
)
leaves("org", Tombstone(Org, {"name": "Deleted", "slug": "deleted", "plan": FREE, "limits": {}}))
leaves(
    "cnv",
    Tombstone(Conversation, {"title": None, "model": None, "system_prompt": None, "task": None}),
)
