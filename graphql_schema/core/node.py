"""`node(id)` and `nodes(ids)`: any row by its id, whose prefix says of which table it is."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import strawberry

from graphql_schema.core.context import Context, context_of
from graphql_schema.core.record_type import MODELS
from models.errors import Invalid
from models.ids import prefix_of
from models.packages import model_of
from models.reading import Lookup

MOST = 100


@strawberry.interface(description="Something with an id that `node` finds again.")
class Node:
    id: strawberry.ID = strawberry.field(
        description="Its id, which says what it is and sorts by time."
    )


async def load_node(context: Context, id: str) -> Any:
    """The row of an id that the viewer reaches and the API has a type for, else None."""
    model = model_of(prefix_of(id) or "")
    if model is None or model not in MODELS.values() or not context.viewer.signed_in:
        return None
    return await context.loaders.row(Lookup(model), id)


@strawberry.type
class NodeQueries:
    @strawberry.field(description="Any row by its id; null when there is none for the viewer.")
    async def node(
        self,
        info: strawberry.Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The id.")],
    ) -> Node | None:
        return await load_node(context_of(info), id)

    @strawberry.field(description="Rows by their ids, null for each that is not to be had.")
    async def nodes(
        self,
        info: strawberry.Info,
        ids: Annotated[
            list[strawberry.ID], strawberry.argument(description="The ids, 100 at most.")
        ],
    ) -> list[Node | None]:
        if len(ids) > MOST:
            raise Invalid(f"At most {MOST} ids.", field="ids")
        context = context_of(info)
        return list(await asyncio.gather(*(load_node(context, id) for id in ids)))
