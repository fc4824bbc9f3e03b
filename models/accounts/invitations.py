"""Invitations to organisations: by mail, with a token that is good for one user and some days.

No table holds the token. It is made from the invitation's ticket when the mail is sent, and its
hash finds the invitation again.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from models.accounts.addresses import address_of
from models.accounts.audit_logs import AuditAction, audit
from models.accounts.mails import INVITATION, MailKind, post, take_back
from models.accounts.org_members import (
    MemberStatus,
    OrgMember,
    acting_on,
    open_org,
    refuse_too_many_members,
    refuse_too_many_orgs,
    require_role,
    withdraw,
)
from models.accounts.orgs import Org, find_org
from models.accounts.rate_limits import Limit, count_try
from models.accounts.tokens import digest
from models.accounts.users import User
from models.errors import Conflict, NotFound
from models.permissions import Permission, Role
from models.verbs import verb

if TYPE_CHECKING:
    from models.accounts.desk import Desk
    from models.idempotency import Once
    from models.ports import Tickets
    from models.transaction import Transaction

LASTS = timedelta(days=7)
GAP = timedelta(minutes=1)  # between two mails to the same address


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a token is made from, and the token's hash."""

    id: str
    hash: str

    @classmethod
    def new(cls, tickets: Tickets) -> Ticket:
        """A fresh ticket."""
        id = secrets.token_urlsafe(16)
        return cls(id, digest(tickets.token_of(INVITATION, id)))


@dataclass(frozen=True, slots=True)
class Invitee:
    """Whom to invite, as what."""

    email: str
    role: Role


async def invite(desk: Desk, org_id: str, invitee: Invitee, once: Once | None) -> OrgMember:
    """Invite somebody by mail. Raises Conflict for who is invited or a member already, Invalid,
    and RateLimited for too many mails from here or to them."""
    actor, limits = replace(desk.actor, once=once), desk.limits("invite", address_of(invitee.email))
    return await invite_org_member(actor, org_id, invitee, Ticket.new(desk.ports.tickets), limits)


@verb.needing(Permission.MANAGE_MEMBERS)
async def invite_org_member(
    tx: Transaction, org_id: str, invitee: Invitee, ticket: Ticket, limits: Sequence[Limit]
) -> OrgMember:
    """Add the invitation and its mail."""
    org, viewer = await open_org(tx, org_id, field="orgId")
    require_role(viewer, org, invitee.role)
    email = address_of(invitee.email)
    await _refuse_known(tx, org, email)
    await refuse_too_many_members(tx, org)
    invited = OrgMember(
        owner_id=org.id,
        org_id=org.id,
        email=email,
        role=invitee.role,
        invited_by=viewer.id,
        status=MemberStatus.INVITED,
    )
    vars(invited).update(_renewal(tx, ticket))
    await tx.add(invited)
    await _mail(tx, org, invited, limits)
    await audit(tx, AuditAction.MEMBER_INVITED, invited, email=email, role=invitee.role)
    return invited


async def send_again(desk: Desk, id: str) -> OrgMember:
    """Send the mail again, with a new token and a new end; the old token ends. Raises Conflict
    when that was a moment ago, and RateLimited."""
    ticket = Ticket.new(desk.ports.tickets)
    return await resend_invitation(desk.actor, id, ticket, desk.limits("invite"))


@verb.needing(Permission.MANAGE_MEMBERS)
async def resend_invitation(
    tx: Transaction, id: str, ticket: Ticket, limits: Sequence[Limit]
) -> OrgMember:
    """Renew the invitation and add its mail."""
    invited = await tx.reach(OrgMember, id, field="id")
    org, viewer = await acting_on(tx, invited)
    require_role(viewer, org, invited.role)
    _refuse_accepted(invited)
    if invited.invited_at is not None and tx.now - invited.invited_at < GAP:
        raise Conflict("It was sent a moment ago.", retry_after=GAP.total_seconds())
    await take_back(tx, invited.ticket)
    await invited.change(**_renewal(tx, ticket), invited_by=viewer.id)
    await _mail(tx, org, invited, limits)
    await audit(tx, AuditAction.INVITATION_RESENT, invited, role=invited.role)
    return invited


@verb.needing(Permission.MANAGE_MEMBERS)
async def revoke_invitation(tx: Transaction, id: str) -> str:
    """Take an invitation back; returns its id."""
    invited = await tx.reach(OrgMember, id, field="id")
    org, viewer = await acting_on(tx, invited)
    require_role(viewer, org, invited.role)
    _refuse_accepted(invited)
    await withdraw(tx, invited, AuditAction.INVITATION_REVOKED)
    return invited.id


@verb.needing(Permission.ACCOUNT)
async def accept_invitation(tx: Transaction, token: str) -> OrgMember:
    """Become a member; the token is good for one user. Raises NotFound for one that is over."""
    user = tx.actor.viewer.id
    tx.require(user)
    invited, org = await _by_token(tx, token)
    if await tx.first(OrgMember, "org_id = $1 AND user_id = $2", org.id, user):
        raise Conflict("You are a member already.")
    await refuse_too_many_orgs(tx, user)
    await invited.change(
        user_id=user,
        email=None,
        status=MemberStatus.ACTIVE,
        expires_at=None,
        ticket=None,
        token_hash=None,
    )
    await audit(tx, AuditAction.MEMBER_JOINED, invited, user=user, role=invited.role)
    return invited


@verb.needing(Permission.ACCOUNT)
async def decline_invitation(tx: Transaction, token: str) -> str:
    """Turn an invitation down; returns its id."""
    tx.require(tx.actor.viewer.id)
    invited, _ = await _by_token(tx, token)
    await invited.remove()
    await audit(tx, AuditAction.INVITATION_DECLINED, invited, role=invited.role)
    return invited.id


async def _by_token(tx: Transaction, token: str) -> tuple[OrgMember, Org]:
    invited = await tx.first(OrgMember, "token_hash = $1", digest(token), lock=True)
    # Another may have used or replaced the token while this one waited for the lock.
    if invited is None or invited.expires_at is None or invited.expires_at <= tx.now:
        raise NotFound("There is no such invitation any more.", field="token")
    return invited, await find_org(tx, invited.org_id, field="token")


async def _refuse_known(tx: Transaction, org: Org, email: str) -> None:
    if await tx.first(
        OrgMember, "org_id = $1 AND email = $2 AND status = 'invited'", org.id, email
    ):
        raise Conflict("This address is invited already.", field="email")
    user = await tx.first(User, "email = $1 AND deleted_at IS NULL", email)
    if user is None or not user.email_verified:
        return
    if await tx.first(OrgMember, "org_id = $1 AND user_id = $2", org.id, user.id):
        raise Conflict("This user is a member already.", field="email")


def _refuse_accepted(member: OrgMember) -> None:
    if member.status is not MemberStatus.INVITED:
        raise Conflict("They have accepted it already.")


def _renewal(tx: Transaction, ticket: Ticket) -> dict[str, object]:
    return {
        "ticket": ticket.id,
        "token_hash": ticket.hash,
        "invited_at": tx.now,
        "expires_at": tx.now + LASTS,
    }


async def _mail(tx: Transaction, org: Org, invited: OrgMember, limits: Sequence[Limit]) -> None:
    assert invited.email is not None, "nobody is in yet"
    await count_try(tx, limits)  # a mail is what is counted: it bothers somebody
    await post(tx, MailKind.INVITATION, invited.email, invited.ticket, org.name)
