# pyright: basic
# Reason: graphql-core leaves the type parameter of its Executor open, so strict mode knows
# nothing of it. Everything that touches the Executor is here, behind typed functions.
"""How graphql-core is asked to run an operation."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from inspect import isawaitable
from typing import Any, TypeAlias, TypeGuard, cast

from graphql import (
    DocumentNode,
    ExecutionResult,
    Executor,
    GraphQLSchema,
    VariableValues,
    create_source_event_stream,
    execute_root_selection_set,
    execute_subscription_event,
    map_source_to_response_event,
)
from orjson import Fragment

from graphql_schema.core.delivering import Encode

_NEVER_AWAITED = frozenset({str, int, float, bool, type(None), list, dict, datetime})

Execution: TypeAlias = Any
"""A graphql-core Executor, which leaves its type parameter open."""

OpenContext: TypeAlias = Callable[[], AbstractAsyncContextManager[Any]]
"""Makes a fresh context for one execution."""


@dataclass(frozen=True, slots=True)
class Bound:
    """An operation with its variables, as they were `given` and coerced."""

    schema: GraphQLSchema
    document: DocumentNode
    name: str | None
    given: Mapping[str, Any]
    variables: VariableValues

    def executor(self, context: object) -> Execution:
        """graphql-core's own, for what is executed field by field."""
        return Executor.build(
            self.schema,
            self.document,
            context_value=context,
            raw_variable_values=dict(self.given),
            operation_name=self.name,
            is_awaitable=_is_awaitable,
        )


async def run(bound: Bound, context: object) -> ExecutionResult:
    """Execute a query or a mutation."""
    return await _settled(execute_root_selection_set(bound.executor(context)))


async def source_of(executor: Execution) -> Any:
    """The event source of a subscription, or an ExecutionResult that says why there is none."""
    return await _settled(create_source_event_stream(executor))


Read: TypeAlias = Callable[[Any, Any, Any], Awaitable[dict[str, Any] | None]]
"""Makes the data of an event of a context, variables and the event, or None where it can't."""


def responses(
    executor: Execution,
    source: Any,
    open_context: OpenContext,
    read: Read | None,
    encode: Encode | None,
) -> AsyncGenerator[ExecutionResult, None]:
    """Execute each event of a source in a context of its own; closing it closes the source.

    `encode`, which needs no context, is tried first, and then `read`.
    """

    async def respond(event: Any) -> ExecutionResult:
        if encode is not None and (encoded := encode(event.root_value)) is not None:
            return ExecutionResult(cast("Any", Fragment(encoded)), None)
        async with open_context() as context:
            if read is not None:
                data = await read(context, event.variable_values, event.root_value)
                if data is not None:
                    return ExecutionResult(data, None)
            event.context_value = context
            return await _settled(execute_subscription_event(event))

    return map_source_to_response_event(executor, source, respond)


def _is_awaitable(value: Any) -> TypeGuard[Awaitable[Any]]:
    """Whether a resolver's result is to be awaited; most are of a type that never is."""
    return type(value) not in _NEVER_AWAITED and hasattr(value, "__await__")


async def _settled(value: Any) -> Any:
    """The value, awaited where graphql-core made a coroutine of it."""
    return await value if isawaitable(value) else value
