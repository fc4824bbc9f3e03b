"""Organisations in the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import strawberry

from graphql_schema.core.computing import computed
from graphql_schema.core.connection import Connection
from graphql_schema.core.context import Context
from graphql_schema.core.entries import row_by_id, row_by_slug
from graphql_schema.core.fields import page
from graphql_schema.core.mutations import acting, chosen, given, into, key_field, mutation, optional
from graphql_schema.core.node import Node
from graphql_schema.core.record_type import record_type
from graphql_schema.core.scalars import JSON
from models.accounts import org_members, orgs
from models.permissions import Permission
from models.reading import Lookup

if TYPE_CHECKING:
    from graphql_schema.accounts.audit_logs import AuditLog
    from graphql_schema.accounts.org_members import OrgMember
    from graphql_schema.chat.projects import Project


@computed("owner_id", description="Id of the organisation; null for a user's own.")
def org_id_of(rows: Sequence[Any]) -> list[str | None]:
    """The organisation that rows belong to, for types whose rows may."""
    ours = f"{orgs.Org.prefix}_"
    return [row.owner_id if row.owner_id.startswith(ours) else None for row in rows]


@record_type(orgs.Org)
class Org(Node):
    name: str
    slug: str
    owner_user_id: strawberry.ID
    plan: str
    limits: JSON
    created_at: datetime
    updated_at: datetime
    members: Connection[OrgMember] = page(
        "org_id", "Its members, invited ones too, in the order they came.", order="created_at"
    )
    projects: Connection[Project] = page(
        "owner_id", "Its projects, newest first; needs READ.", order="-created_at"
    )
    audit_logs: Connection[AuditLog] = page(
        "owner_id", "What was done to its rights, newest first; needs READ_AUDIT.", order="-at"
    )


@strawberry.input(description="A new organisation.")
class CreateOrgInput:
    name: str = given("Its name, at most 200 characters.")
    slug: str | None = given(
        "Its name in addresses, from 3 to 50 letters a to z, digits and hyphens; made from the "
        "name when left out.",
        default=None,
    )
    idempotency_key: str | None = key_field()


@strawberry.input(description="What to change of an organisation; what is left out stays.")
class UpdateOrgInput:
    id: strawberry.ID = given("Which one.")
    name: str | None = optional("Its new name.")
    slug: str | None = optional("Its new name in addresses.")


@strawberry.input(description="An organisation to delete.")
class DeleteOrgInput:
    id: strawberry.ID = given("Which one.")


@strawberry.input(description="Whose an organisation is to be.")
class TransferOrgInput:
    member_id: strawberry.ID = given("The member who is to own it.")


@strawberry.input(description="What an organisation has paid for.")
class SetOrgPlanInput:
    id: strawberry.ID = given("Which one.")
    plan: str = given("The plan's name.")
    limits: JSON = given("What it allows: an object of whole numbers, such as `members`.")


@strawberry.type(description="The new organisation.")
class CreateOrgPayload:
    org: Org = strawberry.field(description="The organisation.")


@strawberry.type(description="The changed organisation.")
class UpdateOrgPayload:
    org: Org = strawberry.field(description="The organisation.")


@strawberry.type(description="What is gone.")
class DeleteOrgPayload:
    deleted_org_id: strawberry.ID = strawberry.field(description="The organisation's id.")


@strawberry.type(description="The organisation with its new owner.")
class TransferOrgPayload:
    org: Org = strawberry.field(description="The organisation.")


@strawberry.type(description="The changed organisation.")
class SetOrgPlanPayload:
    org: Org = strawberry.field(description="The organisation.")


def _slug(_context: Context, arguments: Mapping[str, Any]) -> str | None:
    slug: str = arguments["slug"]
    return slug if orgs.SLUG.fullmatch(slug) else None


@strawberry.type
class Query:
    org: Org | None = row_by_id(orgs.Org, "An organisation of the viewer's; null when it is none.")
    org_by_slug: Org | None = row_by_slug(
        Lookup(orgs.Org, "slug", where="t.deleted_at IS NULL"),
        _slug,
        "The same by its name in addresses.",
    )


@strawberry.type
class Mutation:
    @mutation("Found an organisation, as its owner.", needs=Permission.ACCOUNT)
    async def create_org(self, info: strawberry.Info, input: CreateOrgInput) -> CreateOrgPayload:
        new = into(orgs.NewOrg, input)
        made: Any = await org_members.create_org(acting(info, input), new)
        return CreateOrgPayload(org=made)

    @mutation("Change an organisation's name or slug.", needs=Permission.MANAGE_ORG)
    async def update_org(self, info: strawberry.Info, input: UpdateOrgInput) -> UpdateOrgPayload:
        changed = chosen(input, "name", "slug")
        row: Any = await orgs.Org.update(acting(info, input), input.id, **changed)
        return UpdateOrgPayload(org=row)

    @mutation(
        "Delete an organisation and all it owns. It is hidden at once and emptied after 30 days.",
        needs=Permission.OWN,
    )
    async def delete_org(self, info: strawberry.Info, input: DeleteOrgInput) -> DeleteOrgPayload:
        deleted = await orgs.Org.delete(acting(info, input), input.id)
        return DeleteOrgPayload(deleted_org_id=strawberry.ID(deleted))

    @mutation(
        "Make a member the owner who answers for an organisation; the viewer becomes an admin.",
        needs=Permission.OWN,
    )
    async def transfer_org(
        self, info: strawberry.Info, input: TransferOrgInput
    ) -> TransferOrgPayload:
        row: Any = await org_members.transfer_org(acting(info, input), input.member_id)
        return TransferOrgPayload(org=row)

    @mutation("Put an organisation on a plan.", needs=Permission.OPERATE)
    async def set_org_plan(
        self, info: strawberry.Info, input: SetOrgPlanInput
    ) -> SetOrgPlanPayload:
        plan = input.plan, input.limits
        row: Any = await orgs.set_org_plan(acting(info, input), input.id, *plan)
        return SetOrgPlanPayload(org=row)
