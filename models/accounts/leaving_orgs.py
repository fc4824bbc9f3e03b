"""What becomes of an erased user's place in organisations.

Who asks to be erased settles it before: an organisation that would be left without an owner, but
not without members, is handed over or deleted by them. Where nobody can be asked, since the
identity provider says that the user is gone, the member next in rank inherits it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from models.accounts.audit_logs import AuditAction, audit
from models.accounts.erasing import user_erased, user_leaves
from models.accounts.org_members import OrgMember, leave, other_owner, withdraw, withdraw_beyond
from models.accounts.orgs import Org
from models.errors import Conflict
from models.permissions import Role

if TYPE_CHECKING:
    from models.accounts.users import User
    from models.transaction import Transaction

NAMED = 5  # organisations in one message
_RANKS = ", ".join(f"'{role}'" for role in Role)  # the highest first
_NEXT = (
    "org_id = $1 AND status = 'active' AND user_id <> $2 "
    f"ORDER BY array_position(ARRAY[{_RANKS}], role), created_at, id"
)

_INVITED = "email = $1 AND status = 'invited' ORDER BY id"


@user_leaves.attach
async def refuse_to_orphan(tx: Transaction, user: User) -> None:
    """Raise Conflict, naming them, for organisations that would have members but no owner."""
    names = [
        org.name
        async for member, org in _places(tx, user)
        if org.deleted_at is None and await _heir(tx, org, member) is not None
    ]
    if names:
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        raise Conflict(
            f"Nobody else owns {', '.join(names[:NAMED])}{more}: hand it over to another member, "
            "or delete it, before."
        )


@user_erased.attach
async def leave_orgs(tx: Transaction, user: User) -> None:
    """Leave all. Who is next inherits what has no other owner; what has nobody else is deleted."""
    async for member, org in _places(tx, user):
        if org.deleted_at is None:
            await _pass_on(tx, org, member)
        if org.deleted_at is None and not await _is_sole_owner(tx, org, member):
            await leave(tx, org, member)
            await audit(tx, AuditAction.MEMBER_LEFT, member, role=member.role)
            continue
        if org.deleted_at is None:
            await org.delete(tx)
        await withdraw_beyond(tx, org, user.id, None)
        await member.remove()
    if user.email is not None and user.email_verified:
        await _decline_all(tx, user.email)


async def _decline_all(tx: Transaction, email: str) -> None:
    """Turn down what a user was invited to: it holds their address."""
    for invited in await tx.find(OrgMember, _INVITED, email, lock=True):
        await withdraw(tx, invited, AuditAction.INVITATION_DECLINED)


async def _places(tx: Transaction, user: User) -> AsyncIterator[tuple[OrgMember, Org]]:
    """Where a user is a member, and the organisation, both locked."""
    for member in await tx.find(OrgMember, "user_id = $1 ORDER BY id", user.id, lock=True):
        org = await tx.lock(Org, member.org_id)
        assert org is not None, "members go before their organisation"
        yield member, org


async def _is_sole_owner(tx: Transaction, org: Org, member: OrgMember) -> bool:
    assert member.user_id is not None, "found by it"
    return member.role is Role.OWNER and await other_owner(tx, org, member.user_id) is None


async def _heir(tx: Transaction, org: Org, member: OrgMember) -> OrgMember | None:
    """The member next in rank, and among these the longest-standing, of a sole owner."""
    if not await _is_sole_owner(tx, org, member):
        return None
    return await tx.first(OrgMember, _NEXT, org.id, member.user_id)


async def _pass_on(tx: Transaction, org: Org, member: OrgMember) -> None:
    heir = await _heir(tx, org, member)
    if heir is not None:
        former = heir.role
        await heir.change(role=Role.OWNER)
        await audit(tx, AuditAction.MEMBER_CHANGED, heir, former=former, role=Role.OWNER)
