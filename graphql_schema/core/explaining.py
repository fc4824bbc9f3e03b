"""`accessExplain`: why somebody may or may not read a row, for developers and operators."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry

from graphql_schema.core.context import Context, context_of
from models import explaining
from models.errors import NotFound
from models.permissions import Permission
from models.standing import state_by, viewer_from
from models.viewer import SYSTEM, Viewer


@strawberry.type(description="What one rule says of one row.")
class AccessStep:
    row_id: strawberry.ID = strawberry.field(description="The row.")
    rule: str = strawberry.field(description="The kind of rule that its table has.")
    belongs_to: strawberry.ID | None = strawberry.field(
        description="Whose it is; null for a part, whose whole says so."
    )
    passes: bool = strawberry.field(description="Whether the rule lets the viewer pass.")
    says: str = strawberry.field(description="Why, in words.")


@strawberry.type(description="Why somebody may or may not read a row.")
class AccessExplanation:
    readable: bool = strawberry.field(description="Whether they may.")
    says: str = strawberry.field(description="Why, in a word.")
    steps: list[AccessStep] = strawberry.field(description="The rules, from the row to its root.")


async def _viewer(context: Context, user_id: str | None) -> Viewer:
    if not context.ports.dev:
        context.viewer.require(Permission.OPERATE, SYSTEM)
    if user_id is None:
        return context.viewer
    rows = await context.ports.database.fetch(state_by("id"), user_id)
    if not rows:
        raise NotFound("There is no such user.", field="userId")
    return viewer_from(rows[0])


@strawberry.type
class Query:
    @strawberry.field(
        description="Why the viewer, or another user, may or may not read a row. In development, "
        "and for operators.",
        metadata={"needs": Permission.OPERATE},
    )
    async def access_explain(
        self,
        info: strawberry.Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The row.")],
        user_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="As whom; default: the viewer.")
        ] = None,
    ) -> AccessExplanation:
        context = context_of(info)
        viewer = await _viewer(context, user_id)
        found: Any = await explaining.explain(context.ports.database, viewer, id)
        return found
