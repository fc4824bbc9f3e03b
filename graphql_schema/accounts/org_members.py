"""Members of organisations in the API."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import strawberry

from graphql_schema.core.connection import Connection
from graphql_schema.core.entries import of_viewer, pages_of
from graphql_schema.core.enums import describe
from graphql_schema.core.fields import one
from graphql_schema.core.mutations import acting, given, mutation
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from models.accounts import org_members
from models.accounts.org_members import MemberStatus
from models.permissions import Permission, Role
from models.reading import Listing, Order

if TYPE_CHECKING:
    from graphql_schema.accounts.orgs import Org
    from graphql_schema.accounts.users import Person

describe(
    Role,
    "What a member may do. An owner may all that an admin may, who may all that the others may.",
    OWNER="All, also to delete the organisation and hand it on.",
    ADMIN="To manage members, see what is paid and what was done, and move things out.",
    EDITOR="To make, change and delete projects and conversations.",
    VIEWER="To read them.",
    BILLING="To see what is used and paid, and nothing else.",
)
describe(
    MemberStatus,
    "Whether a member is in already.",
    ACTIVE="A member.",
    INVITED="Invited by mail, not in yet.",
)


@record_type(org_members.OrgMember)
class OrgMember(Node):
    org_id: strawberry.ID
    user_id: strawberry.ID | None
    email: str | None
    role: Role
    invited_by: strawberry.ID | None
    invited_at: datetime | None
    status: MemberStatus
    expires_at: datetime | None
    created_at: datetime
    updated_at: datetime
    org: Org | None = one("org_id", "The organisation.")
    person: Person | None = one("user_id", "Who they are; null until they accept.", known=True)


@strawberry.input(description="Another role for a member.")
class UpdateOrgMemberInput:
    id: strawberry.ID = given("Which one.")
    role: Role = given("What they are to be.")


@strawberry.input(description="A member to send away.")
class RemoveOrgMemberInput:
    id: strawberry.ID = given("Which one.")


@strawberry.input(description="An organisation to leave.")
class LeaveOrgInput:
    org_id: strawberry.ID = given("Which one.")


@strawberry.type(description="The changed member.")
class UpdateOrgMemberPayload:
    org_member: OrgMember = strawberry.field(description="The member.")


@strawberry.type(description="Who is gone.")
class RemoveOrgMemberPayload:
    removed_member_id: strawberry.ID = strawberry.field(description="The member's id.")


@strawberry.type(description="Who is gone.")
class LeaveOrgPayload:
    removed_member_id: strawberry.ID = strawberry.field(description="The member's id.")


OWN = Listing(org_members.OrgMember, "user_id", Order("created_at"), 0)


@strawberry.type
class Query:
    org_memberships: Connection[OrgMember] = pages_of(
        of_viewer, OWN, "The organisations that the viewer is in, with the role in each."
    )


@strawberry.type
class Mutation:
    @mutation(
        "Give a member or an invited one another role. Nobody gives or takes more than they hold.",
        needs=Permission.MANAGE_MEMBERS,
    )
    async def update_org_member(
        self, info: strawberry.Info, input: UpdateOrgMemberInput
    ) -> UpdateOrgMemberPayload:
        actor = acting(info, input)
        row: Any = await org_members.update_org_member(actor, input.id, input.role)
        return UpdateOrgMemberPayload(org_member=row)

    @mutation(
        "Send a member away; what they listen to ends at once.", needs=Permission.MANAGE_MEMBERS
    )
    async def remove_org_member(
        self, info: strawberry.Info, input: RemoveOrgMemberInput
    ) -> RemoveOrgMemberPayload:
        gone = await org_members.remove_org_member(acting(info, input), input.id)
        return RemoveOrgMemberPayload(removed_member_id=strawberry.ID(gone))

    @mutation("Leave an organisation. Its last owner can't.", needs=Permission.ACCOUNT)
    async def leave_org(self, info: strawberry.Info, input: LeaveOrgInput) -> LeaveOrgPayload:
        gone = await org_members.leave_org(acting(info, input), input.org_id)
        return LeaveOrgPayload(removed_member_id=strawberry.ID(gone))
