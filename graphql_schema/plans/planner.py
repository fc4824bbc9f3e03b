"""Plans for the engine; what is left to graphql-core is told by reason."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
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


log = structlog.get_logger()

Left = Callable[[str], None]
"""Told of each operation that is left to graphql-core, by one of few reasons."""


class Planned:
    """One operation with its plans."""

    def __init__(self, operation: PlannedOperation, left: Left) -> None:
        self._operation = operation
        self._left = left

    async def data(self, context: Context, variables: Any) -> dict[str, Any] | None:
        """The `data` of the response; None where graphql-core is to execute the operation."""
        with self._telling():
            plan = self._operation.plan(variables.coerced)
            return await plan.data(Run(context, variables))
        return None

    async def event(self, context: Context, variables: Any, event: Any) -> dict[str, Any] | None:
        """The `data` of a subscription's event, or None in the same way."""
        with self._telling():
            plan = self._operation.plan(variables.coerced)
            return await plan.event(Run(context, variables), event)
        return None

    @contextmanager
    def _telling(self) -> Generator[None, None, None]:
        """Tell why an operation is left to graphql-core, instead of raising it."""
        try:
            yield
        except (NotTaken, Surprise) as reason:
            self._left(str(reason))
        except (DomainError, GraphQLError):
            self._left("an error")  # graphql-core meets it again, and says where
        except Exception:
            log.exception("plan.failed")
            self._left("a defect")


class Planner:
    """Compiles the operations of one schema."""

    def __init__(self, schema: GraphQLSchema, left: Left) -> None:
        self._schema = schema
        self._left = left

    def plan(self, document: DocumentNode, operation: OperationDefinitionNode) -> Planned | None:
        """An operation with its plans; None for one that the compiler does not take."""
        try:
            return Planned(PlannedOperation(self._schema, document, operation), self._left)
        except NotTaken as reason:
            self._left(str(reason))
        except Exception:
            log.exception("plan.failed")
            self._left("a defect")
        return None
