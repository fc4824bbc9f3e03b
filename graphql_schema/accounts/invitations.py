"""Invitations to organisations in the API, which never tells their tokens: the mail does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import strawberry

from graphql_schema.core.context import context_of
from graphql_schema.core.mutations import acting, given, into, key_field, mutation
from models.accounts import invitations
from models.permissions import Permission, Role

if TYPE_CHECKING:
    from graphql_schema.accounts.org_members import OrgMember


@strawberry.input(description="Whom to invite, as what.")
class InviteOrgMemberInput:
    org_id: strawberry.ID = given("The organisation.")
    email: str = given("The address to send the invitation to.")
    role: Role = given("What they are to be.")
    idempotency_key: str | None = key_field()


@strawberry.input(description="An invitation to send again.")
class ResendInvitationInput:
    id: strawberry.ID = given("Which one.")


@strawberry.input(description="An invitation to take back.")
class RevokeInvitationInput:
    id: strawberry.ID = given("Which one.")


@strawberry.input(description="An invitation to accept.")
class AcceptInvitationInput:
    token: str = given("The token from the mail.")


@strawberry.input(description="An invitation to turn down.")
class DeclineInvitationInput:
    token: str = given("The token from the mail.")


@strawberry.type(description="The one who was invited.")
class InviteOrgMemberPayload:
    org_member: OrgMember = strawberry.field(description="The member to be.")


@strawberry.type(description="The one who was invited again.")
class ResendInvitationPayload:
    org_member: OrgMember = strawberry.field(description="The member to be.")


@strawberry.type(description="What is gone.")
class RevokeInvitationPayload:
    revoked_invitation_id: strawberry.ID = strawberry.field(description="The invitation's id.")


@strawberry.type(description="The new member.")
class AcceptInvitationPayload:
    org_member: OrgMember = strawberry.field(description="The member.")


@strawberry.type(description="What is gone.")
class DeclineInvitationPayload:
    declined_invitation_id: strawberry.ID = strawberry.field(description="The invitation's id.")


@strawberry.type
class Mutation:
    @mutation(
        "Invite somebody by mail, for seven days. Nobody gives more than they hold.",
        needs=Permission.MANAGE_MEMBERS,
    )
    async def invite_org_member(
        self, info: strawberry.Info, input: InviteOrgMemberInput
    ) -> InviteOrgMemberPayload:
        desk, once = context_of(info).desk(), acting(info, input).once
        who = into(invitations.Invitee, input)
        row: Any = await invitations.invite(desk, input.org_id, who, once)
        return InviteOrgMemberPayload(org_member=row)

    @mutation(
        "Send an invitation again; the token sent before ends.", needs=Permission.MANAGE_MEMBERS
    )
    async def resend_invitation(
        self, info: strawberry.Info, input: ResendInvitationInput
    ) -> ResendInvitationPayload:
        row: Any = await invitations.send_again(context_of(info).desk(), input.id)
        return ResendInvitationPayload(org_member=row)

    @mutation("Take an invitation back.", needs=Permission.MANAGE_MEMBERS)
    async def revoke_invitation(
        self, info: strawberry.Info, input: RevokeInvitationInput
    ) -> RevokeInvitationPayload:
        gone = await invitations.revoke_invitation(acting(info, input), input.id)
        return RevokeInvitationPayload(revoked_invitation_id=strawberry.ID(gone))

    @mutation("Accept an invitation.", needs=Permission.ACCOUNT)
    async def accept_invitation(
        self, info: strawberry.Info, input: AcceptInvitationInput
    ) -> AcceptInvitationPayload:
        row: Any = await invitations.accept_invitation(acting(info, input), input.token)
        return AcceptInvitationPayload(org_member=row)

    @mutation("Turn an invitation down.", needs=Permission.ACCOUNT)
    async def decline_invitation(
        self, info: strawberry.Info, input: DeclineInvitationInput
    ) -> DeclineInvitationPayload:
        gone = await invitations.decline_invitation(acting(info, input), input.token)
        return DeclineInvitationPayload(declined_invitation_id=strawberry.ID(gone))
