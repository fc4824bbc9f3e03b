"""Plans for the engine; what is left to graphql-core is told by reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from graphql_schema.plans.compiling import NotTaken
from graphql_schema.plans.query import PlannedQuery
from graphql_schema.plans.running import Surprise

if TYPE_CHECKING:
    from graphql import DocumentNode, GraphQLSchema, OperationDefinitionNode

    from graphql_schema.core.context import Context


Left = Callable[[str], None]
"""Told of each operation that is left to graphql-core, by one of few reasons."""


class Planned:
    """One operation with its plans."""

    def __init__(self, query: PlannedQuery, left: Left) -> None:
        self._query = query
        self._left = left

    async def data(self, context: Context, variables: Any) -> dict[str, Any] | None:
        """The `data` of the response; None where graphql-core is to execute the operation."""
        try:
            plan = self._query.plan(variables.coerced)
            return await plan.run(context, variables)
        except (NotTaken, Surprise) as reason:
            self._left(str(reason))
        except Exception:  # noqa: BLE001 - graphql-core meets it again, and says where
            self._left("an error")
        return None


class Planner:
    """Compiles the operations of one schema."""

    def __init__(self, schema: GraphQLSchema, left: Left) -> None:
        self._schema = schema
        self._left = left

    def plan(self, document: DocumentNode, operation: OperationDefinitionNode) -> Planned | None:
        """An operation with its plans; None for one that the compiler does not take."""
        try:
            return Planned(PlannedQuery(self._schema, document, operation), self._left)
        except NotTaken as reason:
            self._left(str(reason))
            return None
