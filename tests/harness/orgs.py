"""Organisations for tests: founded, with members of each role, who came by real invitations."""

from __future__ import annotations

from typing import Any

from tests.harness.api import Api, Server
from tests.harness.verbs import id_of

MEMBER = "{ orgMember { id orgId userId email role status invitedBy invitedAt expiresAt } }"
ROLES = ("OWNER", "ADMIN", "EDITOR", "VIEWER", "BILLING")


async def found(user: Api, name: str = "Orchard", **values: Any) -> str:
    """An organisation's id, founded by a user."""
    made = await user.do("createOrg", "{ org { id } }", name=name, **values)
    return made["org"]["id"]


async def invite(user: Api, org: str, email: str, role: str) -> dict[str, Any]:
    """The member to be, invited by mail."""
    given = {"orgId": org, "email": email, "role": role}
    return (await user.do("inviteOrgMember", MEMBER, **given))["orgMember"]


async def token_of(server: Server, member: str) -> str:
    """The token that the mail of an invitation holds."""
    (row,) = await server.sql("SELECT ticket FROM org_member WHERE id = $1", member)
    return server.services.ports.sign_in.tickets.token_of("invitation", row["ticket"])


async def join(server: Server, inviter: Api, org: str, user: Api, role: str) -> str:
    """Have a user invited and in; returns the member's id."""
    invited = await invite(inviter, org, f"{await id_of(user)}@example.org", role)
    token = await token_of(server, invited["id"])
    made = await user.do("acceptInvitation", MEMBER, token=token)
    return made["orgMember"]["id"]


async def member_of(server: Server, org: str, user: Api) -> str:
    """The id of the member that a user is."""
    query = "SELECT id FROM org_member WHERE org_id = $1 AND user_id = $2"
    (row,) = await server.sql(query, org, await id_of(user))
    return row["id"]
