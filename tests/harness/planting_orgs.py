"""An organisation with members, invitations and what else it has, planted in a few statements."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from models import ids
from models.accounts.api_tokens import ApiToken
from models.accounts.audit_logs import AuditAction, AuditLog
from models.accounts.invitations import Ticket
from models.accounts.org_members import MemberStatus, OrgMember
from models.accounts.orgs import Org
from models.billing.invoices import Invoice
from models.permissions import Role
from tests.harness.api import Server
from tests.harness.planting import now_at, plant


async def plant_org(server: Server, user: str) -> dict[str, str]:
    """The ids of an organisation of a user's and of what it has, by name; the two tokens of
    invitations are to a second organisation of theirs."""
    org, slug = await plant_empty_org(server, user)
    spare, _ = await plant_empty_org(server, user)
    await plant_member(server, org, ids.new_id("usr"), Role.OWNER)
    audited: dict[str, Any] = {"owner_id": org, "org_id": org, "user_id": user, "resource": org}
    when = {"action": AuditAction.ORG_CREATED, "at": now_at(server)}
    return {
        "org": org,
        "org slug": slug,
        "goal": org,
        "org member": await plant_member(server, org, ids.new_id("usr"), Role.EDITOR),
        "invited": (await plant_invited(server, org, user))[0],
        "to accept": (await plant_invited(server, spare, user))[1],
        "to decline": (await plant_invited(server, spare, user))[1],
        "audit log": await plant(server, AuditLog, **audited, **when),
        "invoice": await plant_invoice(server, org),
    }


async def plant_invoice(server: Server, org: str) -> str:
    """The invoice of a month that was closed."""
    what = {"org_id": org, "owner_id": org, "billing_period": "2020-01", "status": "issued"}
    return await plant(server, Invoice, **what, amount=Decimal("2.5"))


async def plant_empty_org(server: Server, user: str) -> tuple[str, str]:
    """The id and the slug of an organisation with one owner."""
    slug = ids.new_id("org").replace("_", "-")
    org = await plant(server, Org, name="Orchard", slug=slug, owner_user_id=user, plan="free")
    await plant_member(server, org, user, Role.OWNER)
    return org, slug


async def plant_member(server: Server, org: str, user: str, role: Role) -> str:
    """A member with a role."""
    about = {"org_id": org, "user_id": user, "role": role, "status": MemberStatus.ACTIVE}
    return await plant(server, OrgMember, owner_id=org, **about)


async def plant_invited(server: Server, org: str, by: str) -> tuple[str, str]:
    """An invitation's id and its token."""
    tickets = server.services.ports.sign_in.tickets
    ticket = Ticket.new(tickets)
    now = now_at(server)
    about = {"org_id": org, "email": f"{ticket.id}@example.org".lower(), "role": Role.VIEWER}
    state = {"status": MemberStatus.INVITED, "invited_by": by}
    times = {"invited_at": now - timedelta(hours=1), "expires_at": now + timedelta(days=6)}
    secret = {"ticket": ticket.id, "token_hash": ticket.hash}
    member = await plant(server, OrgMember, owner_id=org, **about, **state, **times, **secret)
    return member, tickets.token_of("invitation", ticket.id)


async def plant_api_token(server: Server, user: str) -> str:
    """A token for scripts that nobody knows."""
    ends = now_at(server) + timedelta(days=30)
    what = {"name": "Script", "start": "pnt_abcdef", "scopes": ["read"], "expires_at": ends}
    return await plant(server, ApiToken, user_id=user, **what)
