"""Members of organisations, invited ones among them, and what may become of their roles.

Whoever changes who is in an organisation, or as what, locks the member first and then the
organisation. So of two who would leave it without an owner the second one sees what the first
did, and the rights of who acts are those of that moment, not those of the request's begin.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from models import fields
from models.access import PartOf
from models.accounts.audit_logs import AuditAction, audit
from models.accounts.mails import take_back
from models.accounts.orgs import FREE, NewOrg, Org, find_org, free_slug, limit_of, refuse_slug
from models.accounts.users import EMAIL_LIMIT
from models.base import Record
from models.errors import Conflict, NotFound
from models.hooks import Hook
from models.indexes import index, unique
from models.permissions import ROLES, Permission, Role
from models.standing import viewer_now
from models.verbs import verb

if TYPE_CHECKING:
    from models.transaction import Transaction
    from models.viewer import Viewer

MOST_MEMBERS = 1_000  # of an organisation, invited ones included
MOST_ORGS = 100  # of a user, since each request reads them


class MemberStatus(StrEnum):
    """Whether a member is in already."""

    ACTIVE = "active"
    INVITED = "invited"


_INVITED = "(status = 'invited'::text)"


class OrgMember(Record):
    """A user's role in an organisation, or the invitation to one."""

    prefix = "mem"
    access = PartOf("org")
    indexes = (
        unique("org_id", "user_id"),
        unique("email", "org_id", where=_INVITED),
        index("org_id", "created_at", "id"),
        index("user_id", "created_at", "id"),
        unique("token_hash"),
    )

    owner_id: str = fields.key("Whose member it is.")
    org: Any = fields.reference("Org", "Id of the organisation.")
    org_id: str
    user_id: str | None = fields.key("Id of the user; null until they accept.", null=True)
    email: str | None = fields.text(
        "The address that was invited; null once they are in.", limit=EMAIL_LIMIT, null=True
    )
    role: Role = fields.choice(Role, "What they may do.")
    invited_by: str | None = fields.key("Id of the user who invited them.", null=True)
    invited_at: datetime | None = fields.moment("When they were invited last.", null=True)
    status: MemberStatus = fields.choice(MemberStatus, "Whether they are in already.")
    expires_at: datetime | None = fields.moment("When the invitation ends.", null=True)
    ticket: str | None = fields.key("What the invitation's token is made from.", null=True)
    token_hash: str | None = fields.digest("SHA-256 of that token.")

    class Meta:
        table = "org_member"


role_changed: Hook[Transaction, Org, str, Role | None] = Hook()
"""The user of this id has another role from now on, or none: what that takes from them ends."""


@verb.needing(Permission.ACCOUNT)
async def create_org(tx: Transaction, new: NewOrg) -> Org:
    """An organisation with the viewer as its owner."""
    user = tx.actor.viewer.id
    tx.require(user)
    await refuse_too_many_orgs(tx, user)
    if new.slug is not None:
        await refuse_slug(tx, new.slug)
    slug = await free_slug(tx, new.name) if new.slug is None else new.slug
    org = await tx.add(Org(name=new.name, slug=slug, owner_user_id=user, plan=FREE))
    owner = OrgMember(owner_id=org.id, org_id=org.id, user_id=user, role=Role.OWNER)
    owner.status = MemberStatus.ACTIVE
    await tx.add(owner)
    await audit(tx, AuditAction.ORG_CREATED, org, name=org.name, slug=org.slug)
    return org


@verb.needing(Permission.MANAGE_MEMBERS)
async def update_org_member(tx: Transaction, member_id: str, role: Role) -> OrgMember:
    """Give a member or an invited one another role. Nobody gives, or takes, more than they hold."""
    member = await tx.reach(OrgMember, member_id, field="id")
    org, viewer = await acting_on(tx, member)
    require_role(viewer, org, member.role)
    require_role(viewer, org, role)
    former = member.role
    if member.status is MemberStatus.INVITED:
        await member.change(invited_by=viewer.id)  # whoever gives a role answers for it
    await member.change(role=role)
    if former is not role:
        await _after_losing(tx, org, member, role)
        await audit(tx, AuditAction.MEMBER_CHANGED, member, former=former, role=role)
    return member


@verb.needing(Permission.MANAGE_MEMBERS)
async def remove_org_member(tx: Transaction, member_id: str) -> str:
    """Send a member away at once; returns the member's id."""
    member = await tx.reach(OrgMember, member_id, field="id")
    org, viewer = await acting_on(tx, member)
    require_role(viewer, org, member.role)
    if member.status is not MemberStatus.ACTIVE:
        raise Conflict("Revoke the invitation instead.")
    await leave(tx, org, member)
    await audit(tx, AuditAction.MEMBER_REMOVED, member, user=member.user_id, role=member.role)
    return member.id


@verb.needing(Permission.ACCOUNT)
async def leave_org(tx: Transaction, org_id: str) -> str:
    """The viewer leaves; returns the id of the member they were."""
    user = tx.actor.viewer.id
    tx.require(user)
    member = await tx.first(OrgMember, "org_id = $1 AND user_id = $2", org_id, user, lock=True)
    if member is None:
        raise NotFound("There is no such thing, or it is not yours.", field="orgId")
    org = await find_org(tx, org_id, field="orgId")
    await leave(tx, org, member)
    await audit(tx, AuditAction.MEMBER_LEFT, member, role=member.role)
    return member.id


@verb.needing(Permission.OWN)
async def transfer_org(tx: Transaction, member_id: str) -> Org:
    """Make a member the owner who answers for it; the viewer becomes an admin."""
    member = await tx.reach(OrgMember, member_id, field="memberId")
    org, viewer = await acting_on(tx, member)
    if member.status is not MemberStatus.ACTIVE or member.user_id is None:
        raise Conflict("They have not accepted the invitation yet.")
    if member.user_id == viewer.id:
        raise Conflict("It is yours already.")
    await member.change(role=Role.OWNER)
    await org.change(owner_user_id=member.user_id)
    own = await tx.find(OrgMember, "org_id = $1 AND user_id = $2", org.id, viewer.id, lock=True)
    await own[0].change(role=Role.ADMIN)
    await withdraw_beyond(tx, org, viewer.id, Role.ADMIN)
    await audit(tx, AuditAction.ORG_TRANSFERRED, org, user=member.user_id)
    return org


# -- what these share, and the invitations with them -------------------------------------------


async def open_org(tx: Transaction, id: str, *, field: str) -> tuple[Org, Viewer]:
    """Lock an organisation, and the viewer with the rights of this moment, who still may act."""
    org = await tx.reach(Org, id, field=field)
    return org, await _still(tx, org)


async def acting_on(tx: Transaction, member: OrgMember) -> tuple[Org, Viewer]:
    """The same for the organisation of a locked member."""
    org = await find_org(tx, member.org_id, field="id")
    return org, await _still(tx, org)


async def _still(tx: Transaction, org: Org) -> Viewer:
    viewer = await viewer_now(tx)
    if tx.need is not None:
        viewer.require(tx.need, org.id)
    return viewer


def require_role(viewer: Viewer, org: Org, role: Role) -> None:
    """Whoever gives or takes a role holds all that it does. Raises Forbidden."""
    for permission in sorted(ROLES[role]):
        viewer.require(permission, org.id, field="role")


async def refuse_too_many_orgs(tx: Transaction, user_id: str) -> None:
    """Raise Conflict when a user is in as many organisations as can be."""
    own = f"user_id = $1 LIMIT {MOST_ORGS}"
    if len(await tx.find(OrgMember, own, user_id)) == MOST_ORGS:
        raise Conflict(f"At most {MOST_ORGS} organisations.")


async def refuse_too_many_members(tx: Transaction, org: Org) -> None:
    """Raise Conflict when an organisation has as many members as its plan allows."""
    most = limit_of(org, "members", MOST_MEMBERS)
    count = "SELECT count(*) FROM org_member WHERE org_id = $1"
    if await tx.connection.fetchval(count, org.id) >= most:
        raise Conflict(f"At most {most} members.")


async def leave(tx: Transaction, org: Org, member: OrgMember) -> None:
    """Remove a member. Raises Conflict for the last owner."""
    await _after_losing(tx, org, member, None)
    await member.remove()


async def _after_losing(tx: Transaction, org: Org, member: OrgMember, role: Role | None) -> None:
    """See to what a member left undone who has this role now, or none. Raises Conflict for the
    last owner."""
    if member.status is not MemberStatus.ACTIVE or member.user_id is None:
        return
    if role is not Role.OWNER:
        heir = await other_owner(tx, org, member.user_id)
        if heir is None:
            raise Conflict("An organisation keeps at least one owner.")
        if org.owner_user_id == member.user_id:
            await org.change(owner_user_id=heir.user_id)
    await withdraw_beyond(tx, org, member.user_id, role)
    await role_changed(tx, org, member.user_id, role)


async def other_owner(tx: Transaction, org: Org, user_id: str) -> OrgMember | None:
    """The longest-standing owner beside a user."""
    others = (
        "org_id = $1 AND role = 'owner' AND status = 'active' AND user_id <> $2 "
        "ORDER BY created_at, id"
    )
    return await tx.first(OrgMember, others, org.id, user_id)


async def withdraw_beyond(tx: Transaction, org: Org, user_id: str, role: Role | None) -> None:
    """Take back the invitations of a user to roles that they may not give any more."""
    own = "org_id = $1 AND invited_by = $2 AND status = 'invited'"
    held = ROLES[role] if role is not None else frozenset[Permission]()
    gives = Permission.MANAGE_MEMBERS in held
    for invited in await tx.find(OrgMember, own, org.id, user_id):
        if not gives or not ROLES[invited.role] <= held:
            await withdraw(tx, invited, AuditAction.INVITATION_REVOKED)


async def withdraw(tx: Transaction, invited: OrgMember, action: AuditAction) -> None:
    """End an invitation, and keep back its mail if that was not sent yet."""
    await take_back(tx, invited.ticket)
    await invited.remove()
    await audit(tx, action, invited, role=invited.role)
