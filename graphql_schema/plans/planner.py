"""Plans for the engine, and how often an operation was left to graphql-core, by reason."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from graphql_schema.plans.compiling import NotTaken
from graphql_schema.plans.query import PlannedQuery
from graphql_schema.plans.running import Surprise

if TYPE_CHECKING:
    from graphql import DocumentNode, GraphQLSchema, OperationDefinitionNode

    from graphql_schema.core.context import Context


class Planned:
    """One operation with its plans."""

    def __init__(self, query: PlannedQuery, left: Counter[str]) -> None:
        self._query = query
        self._left = left

    async def data(self, context: Context, variables: Any) -> dict[str, Any] | None:
        """The `data` of the response; None where graphql-core is to execute the operation."""
        try:
            plan = self._query.plan(variables.coerced)
            return await plan.run(context, variables)
        except (NotTaken, Surprise) as reason:
            self._left[str(reason)] += 1
        except Exception:  # noqa: BLE001 - graphql-core meets it again, and says where
            self._left["an error"] += 1
        return None


class Planner:
    """Compiles the operations of one schema; `left` counts those left to graphql-core."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self.left: Counter[str] = Counter()

    def plan(self, document: DocumentNode, operation: OperationDefinitionNode) -> Planned | None:
        """An operation with its plans; None for one that the compiler does not take."""
        try:
            return Planned(PlannedQuery(self._schema, document, operation), self.left)
        except NotTaken as reason:
            self.left[str(reason)] += 1
            return None
