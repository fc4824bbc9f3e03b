"""What becomes of an erased user's place in organisations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.accounts.audit_logs import AuditAction, audit
from models.accounts.erasing import user_erased
from models.accounts.org_members import OrgMember, leave, other_owner, withdraw_beyond
from models.accounts.orgs import Org
from models.permissions import Role

if TYPE_CHECKING:
    from models.accounts.users import User
    from models.transaction import Transaction

_ADMIN = "org_id = $1 AND role = 'admin' AND status = 'active' ORDER BY created_at, id"


@user_erased.attach
async def leave_orgs(tx: Transaction, user: User) -> None:
    """Leave all; one that nobody is left to own or to administrate is deleted."""
    for member in await tx.find(OrgMember, "user_id = $1 ORDER BY id", user.id, lock=True):
        org = await tx.lock(Org, member.org_id)
        assert org is not None, "members go before their organisation"
        if org.deleted_at is None and await _has_heir(tx, org, member):
            await leave(tx, org, member)
            await audit(tx, AuditAction.MEMBER_LEFT, member, role=member.role)
            continue
        if org.deleted_at is None:
            await org.delete(tx)
        await withdraw_beyond(tx, org, user.id, None)
        await member.remove()


async def _has_heir(tx: Transaction, org: Org, member: OrgMember) -> bool:
    """Whether a member may leave; the longest-standing admin becomes the owner if need be."""
    assert member.user_id is not None, "found by it"
    if member.role is not Role.OWNER or await other_owner(tx, org, member.user_id):
        return True
    heir = await tx.first(OrgMember, _ADMIN, org.id, lock=True)
    if heir is None:
        return False
    await heir.change(role=Role.OWNER)
    await audit(tx, AuditAction.MEMBER_CHANGED, heir, former=Role.ADMIN, role=Role.OWNER)
    return True
