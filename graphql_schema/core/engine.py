"""Parse, validate and execute operations; knows nothing of HTTP."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    get_operation_ast,
)

from graphql_schema.core import execution
from graphql_schema.core.contracts import Limits, Meter, Planned, Planner
from graphql_schema.core.document_cache import DocumentCache
from graphql_schema.core.errors import (
    MAX_ERRORS,
    ErrorReport,
    Refused,
    ResponseError,
    parse_error,
    refusal,
    validation_error,
    variable_error,
)
from graphql_schema.core.execution import Bound, OpenContext
from graphql_schema.core.repeats import Repeat, check_repeats, repeats_of
from graphql_schema.core.values import check_literals
from models.errors import BadRequest, DomainError

Kind: TypeAlias = Literal["query", "mutation", "subscription"]

Response: TypeAlias = dict[str, Any]
"""`data`, `errors` and `extensions`; without `data` the operation was refused as a whole."""

TOKEN_BYTES = 1_000
"""What graphql-core and the plan keep per lexical token, measured."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """An operation that may run: parsed, measured and valid."""

    kind: Kind
    name: str | None
    document: DocumentNode
    operation: OperationDefinitionNode
    meter: Meter
    repeats: Mapping[str, Repeat] = field(default_factory=dict[str, Repeat])
    planned: Planned | None = None


class Engine:
    """One schema and the documents that were sent to it."""

    def __init__(
        self,
        schema: GraphQLSchema,
        *,
        limits: Limits,
        planner: Planner | None = None,
        time_limit: float = 15.0,
        cache_size: int = 16 << 20,
        cache_entries: int = 2_000,
    ) -> None:
        """`time_limit` is in seconds: for a query, a mutation, the start of a subscription and
        each of its events. `cache_size` bounds the estimated bytes of the documents kept.
        """
        self._schema = schema
        self._limits = limits
        self._planner = planner
        self._time_limit = time_limit
        self.checked = 0
        """Documents that were parsed and validated so far; the others were remembered."""
        self._cache: DocumentCache[Prepared | list[ResponseError]] = DocumentCache(
            entries=cache_entries, size=cache_size
        )

    def prepare(self, query: str, operation_name: str | None = None) -> Prepared:
        """Find the operation and check it. Raises Refused; the same text is checked once."""
        key = (query, operation_name)
        found = self._cache.get(key)
        if found is None:
            found, size = self._judge(query, operation_name)
            self._cache.put(key, found, size)
        if isinstance(found, list):
            raise Refused(found)
        return found

    async def execute(
        self,
        prepared: Prepared,
        variables: Mapping[str, Any],
        open_context: OpenContext,
        *,
        request_id: str,
        tell_cost: bool = False,
    ) -> Response:
        """Run a query or a mutation; every failure is in the response, none is raised."""
        report = ErrorReport(request_id)
        try:
            cost = prepared.meter.measure(variables)
            bound = self._bind(prepared, variables)
            async with asyncio.timeout(self._time_limit), open_context() as context:
                response = await _executed(prepared, bound, context, report)
        except Refused as refused:
            return {"errors": refused.errors}
        except Exception as error:  # noqa: BLE001 - masked and logged with its id
            return {"errors": [report.raised(error)]}
        return {**response, "extensions": {"cost": cost.as_dict()}} if tell_cost else response

    async def subscribe(
        self,
        prepared: Prepared,
        variables: Mapping[str, Any],
        open_context: OpenContext,
        *,
        request_id: str,
    ) -> AsyncGenerator[Response, None]:
        """Yield a response per event; raises Refused at the start or when the source fails.

        The source and each event have a context of their own, since what a context has
        loaded grows old. Closing the generator closes the source.
        """
        report = ErrorReport(request_id)
        try:
            prepared.meter.measure(variables)
            bound = self._bind(prepared, variables)
            async with open_context() as context:
                source = await self._source(bound, context, report)
                limited = limited_by(self._time_limit, open_context)
                read = prepared.planned.event if prepared.planned else None
                events = execution.responses(bound, source, limited, read)
                async with aclosing(events) as results:
                    async for result in results:
                        yield shaped(result, report)
        except Refused:
            raise
        except Exception as error:
            raise Refused([report.raised(error)]) from error

    async def _source(self, bound: Bound, context: object, report: ErrorReport) -> Any:
        async with asyncio.timeout(self._time_limit):
            found = await execution.source_of(bound, context)
        if isinstance(found, ExecutionResult):
            raise Refused([report.field_error(error) for error in found.errors or []])
        return found

    def _bind(self, prepared: Prepared, variables: Mapping[str, Any]) -> Bound:
        check_repeats(prepared.repeats, variables)
        bound, errors = execution.bind(
            self._schema, prepared.document, prepared.operation, variables, MAX_ERRORS
        )
        if bound is None:
            raise Refused([variable_error(error) for error in errors])
        return bound

    def _judge(
        self, query: str, operation_name: str | None
    ) -> tuple[Prepared | list[ResponseError], int]:
        """What is kept of a document, and its size in bytes."""
        self.checked += 1
        size = 1_000 + 4 * len(query)
        try:
            prepared = self._check(query, operation_name)
        except Refused as refused:
            return refused.errors, size + 1_000 * len(refused.errors)
        except DomainError as error:
            return [refusal(error)], size
        except GraphQLSyntaxError as error:
            return [parse_error(error)], size
        return prepared, size + TOKEN_BYTES * prepared.document.token_count

    def _check(self, query: str, operation_name: str | None) -> Prepared:
        document = self._limits.parse(query)
        check_literals(query, document)
        operation = chosen(document, operation_name)
        meter = self._limits.meter(document, operation)
        errors = self._limits.validate(document)
        if errors:
            raise Refused([validation_error(error) for error in errors])
        name = operation.name.value if operation.name else None
        repeats = repeats_of(document)
        planned = self._planner.plan(document, operation) if self._planner else None
        kind: Kind = operation.operation.value
        return Prepared(kind, name, document, operation, meter, repeats, planned)


async def _executed(
    prepared: Prepared, bound: Bound, context: object, report: ErrorReport
) -> Response:
    if prepared.planned is not None:
        data = await prepared.planned.data(context, bound.variables)
        if data is not None:
            return {"data": data}
    return shaped(await execution.run(bound, context), report)


def chosen(document: DocumentNode, operation_name: str | None) -> OperationDefinitionNode:
    """The operation to run; raises BadRequest when the name does not tell which."""
    operation = get_operation_ast(document, operation_name)
    if operation is not None:
        return operation
    if operation_name is not None:
        raise BadRequest("No operation of the document has the given operationName.")
    raise BadRequest("The document needs one operation, or an operationName to choose by.")


def limited_by(seconds: float, open_context: OpenContext) -> OpenContext:
    """Contexts that end with TimeoutError when used for longer."""

    @asynccontextmanager
    async def limited() -> AsyncGenerator[Any, None]:
        async with asyncio.timeout(seconds), open_context() as context:
            yield context

    return limited


def shaped(result: ExecutionResult, report: ErrorReport) -> Response:
    """A result as the specification writes it down."""
    response: Response = {"data": result.data}
    if result.errors:
        response["errors"] = [report.field_error(error) for error in result.errors]
    return response
