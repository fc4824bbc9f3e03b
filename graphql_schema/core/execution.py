# pyright: basic
# Reason: graphql-core leaves the type parameter of its Executor open, so strict mode knows
# nothing of it. Everything that touches the Executor is here, behind typed functions.
"""How graphql-core is asked to run an operation."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from inspect import isawaitable
from typing import Any, TypeAlias, TypeGuard, cast

from graphql import (
    DocumentNode,
    ExecutionResult,
    Executor,
    GraphQLError,
    GraphQLSchema,
    create_source_event_stream,
    execute_root_selection_set,
    execute_subscription_event,
    map_source_to_response_event,
)
from orjson import Fragment

from graphql_schema.core.delivering import Encode

Bound: TypeAlias = Any
"""An operation with its variables: graphql-core's Executor."""

_NEVER_AWAITED = frozenset({str, int, float, bool, type(None), list, dict, datetime})

OpenContext: TypeAlias = Callable[[], AbstractAsyncContextManager[Any]]
"""Makes a fresh context for one execution."""


def bind(
    schema: GraphQLSchema,
    document: DocumentNode,
    name: str | None,
    variables: Mapping[str, Any],
    max_errors: int,
) -> tuple[Bound, list[GraphQLError]]:
    """The operation with its variables, and what is wrong with these."""
    bound = Executor.build(
        schema,
        document,
        raw_variable_values=dict(variables),
        operation_name=name,
        max_coercion_errors=max_errors,
        is_awaitable=_is_awaitable,
    )
    return (None, bound) if isinstance(bound, list) else (bound, [])


async def run(bound: Bound, context: object) -> ExecutionResult:
    """Execute a query or a mutation."""
    bound.context_value = context
    return await _settled(execute_root_selection_set(bound))


async def source_of(bound: Bound, context: object) -> Any:
    """The event source of a subscription, or an ExecutionResult that says why there is none."""
    bound.context_value = context
    return await _settled(create_source_event_stream(bound))


Read: TypeAlias = Callable[[Any, Any, Any], Awaitable[dict[str, Any] | None]]
"""Makes the data of an event of a context, variables and the event, or None where it can't."""


def responses(
    bound: Bound, source: Any, open_context: OpenContext, read: Read | None, encode: Encode | None
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

    return map_source_to_response_event(bound, source, respond)


def _is_awaitable(value: Any) -> TypeGuard[Awaitable[Any]]:
    """Whether a resolver's result is to be awaited; most are of a type that never is."""
    return type(value) not in _NEVER_AWAITED and hasattr(value, "__await__")


async def _settled(value: Any) -> Any:
    """The value, awaited where graphql-core made a coroutine of it."""
    return await value if isawaitable(value) else value
