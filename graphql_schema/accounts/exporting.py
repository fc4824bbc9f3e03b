"""Taking one's own data along, in the API."""

from __future__ import annotations

from datetime import datetime

import strawberry

from graphql_schema.core.context import context_of
from graphql_schema.core.mutations import given, mutation
from models.accounts import exporting
from models.permissions import Permission


@strawberry.input(description="That the viewer wants all that is theirs.")
class ExportMyDataInput:
    current_password: str | None = given(
        "The user's password; a user who has none leaves it out.", default=None
    )


@strawberry.type(description="Where the viewer's data can be had for a while.")
class ExportMyDataPayload:
    url: str = strawberry.field(
        description="The path at this server to GET a ZIP from, three times at most."
    )
    expires_at: datetime = strawberry.field(description="Until when.")


@strawberry.type
class Mutation:
    @mutation(
        "Get a link to all that is the viewer's, but for secrets; five a day.",
        needs=Permission.READ_ACCOUNT,
    )
    async def export_my_data(
        self, info: strawberry.Info, input: ExportMyDataInput
    ) -> ExportMyDataPayload:
        context = context_of(info)
        link = await exporting.export_my_data(context.desk(), input.current_password)
        token = context.ports.signer.sign(exporting.PURPOSE, link.signed())
        return ExportMyDataPayload(url=f"/exports/{token}", expires_at=link.expires_at)
