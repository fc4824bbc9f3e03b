"""What ends with a member's right to write in an organisation: their answers and share links."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.accounts.org_members import role_changed
from models.chat.emptying_orgs import stop_answers
from models.chat.share_links import end_links
from models.permissions import ROLES, Permission, Role

if TYPE_CHECKING:
    from models.accounts.orgs import Org
    from models.transaction import Transaction


@role_changed.attach
async def end_what_needs_writing(
    tx: Transaction, org: Org, user_id: str, role: Role | None
) -> None:
    """Stop the answers that a user asked for, and end the links that they made, where their role
    allows neither any more."""
    if role is not None and Permission.WRITE in ROLES[role]:
        return
    await stop_answers(tx, org.id, "user_id = $2", user_id)
    await end_links(tx, "owner_id = $1 AND user_id = $2", org.id, user_id)
