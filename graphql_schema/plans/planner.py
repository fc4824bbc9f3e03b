"""Plans for the engine; what is left to graphql-core is told by reason."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import structlog
from graphql import GraphQLError

from graphql_schema.plans.collecting import NotTaken
from graphql_schema.plans.operation import PlannedOperation
from graphql_schema.plans.running import Run, Surprise
from models.errors import DomainError

if TYPE_CHECKING:
    from graphql import DocumentNode, GraphQLSchema, OperationDefinitionNode

    from graphql_schema.core.context import Context
    from graphql_schema.core.delivering import Encode
    from graphql_schema.plans.plan import Plan

log = structlog.get_logger()

Data = dict[str, Any]

Left = Callable[[str], None]
"""Told of each operation that is left to graphql-core, by one of few reasons."""

NewRun = Callable[["Context", Any], Run]
"""Makes the run of an execution, of its context and variables."""


class Planned:
    """One operation with its plans."""

    def __init__(self, operation: PlannedOperation, left: Left, run: NewRun = Run) -> None:
        self._operation = operation
        self._left = left
        self._run = run

    async def data(self, context: Context, variables: Any) -> Data | None:
        """The `data` of the response; None where graphql-core is to execute the operation."""
        return await self._read(variables, lambda plan: plan.data(self._run(context, variables)))

    async def event(self, context: Context, variables: Any, event: Any) -> Data | None:
        """The `data` of a subscription's event, or None in the same way."""
        return await self._read(
            variables, lambda plan: plan.event(self._run(context, variables), event)
        )

    def encoder(self, variables: Any) -> Encode | None:
        """What encodes a subscription's events; None where they have to be read first."""
        try:
            return self._operation.plan(variables.coerced).encode
        except NotTaken:
            return None  # `event` says so, for each of them

    async def _read(self, variables: Any, read: Callable[[Plan], Awaitable[Data]]) -> Data | None:
        """What a plan gives; None, with the reason told, where it can't."""
        try:
            return await read(self._operation.plan(variables.coerced))
        except (NotTaken, Surprise) as reason:
            self._left(str(reason))
        except (DomainError, GraphQLError):
            self._left("an error")  # graphql-core meets it again, and says where
        except Exception:
            log.exception("plan.failed")
            self._left("a defect")
        return None


class Planner:
    """Compiles the operations of one schema."""

    def __init__(self, schema: GraphQLSchema, left: Left) -> None:
        self._schema = schema
        self._left = left
        self.encoded = 0
        """Events that were encoded so far, each once for all who asked the same of it."""

    def plan(self, document: DocumentNode, operation: OperationDefinitionNode) -> Planned | None:
        """An operation with its plans; None for one that the compiler does not take."""
        compiled = self.compiled(document, operation)
        return Planned(compiled, self._left) if compiled is not None else None

    def compiled(
        self, document: DocumentNode, operation: OperationDefinitionNode
    ) -> PlannedOperation | None:
        """The plans alone; None in the same way."""
        try:
            return PlannedOperation(self._schema, document, operation, self._count_encoded)
        except NotTaken as reason:
            self._left(str(reason))
        except Exception:
            log.exception("plan.failed")
            self._left("a defect")
        return None

    def _count_encoded(self) -> None:
        self.encoded += 1
