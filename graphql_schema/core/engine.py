"""Parse, validate and execute operations; knows nothing of HTTP."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager
from typing import Any, TypeAlias

from graphql import ExecutionResult, GraphQLSchema

from graphql_schema.core import execution
from graphql_schema.core.contracts import Cost, Limits, Planner
from graphql_schema.core.delivering import Deliver, Direct
from graphql_schema.core.document_cache import DocumentCache
from graphql_schema.core.errors import ErrorReport, Refused
from graphql_schema.core.execution import Bound, Execution, OpenContext
from graphql_schema.core.introspection import Answers
from graphql_schema.core.preparing import Judge, Judged, Prepared, Verdict, accepted
from graphql_schema.core.repeats import check_repeats

Response: TypeAlias = dict[str, Any]
"""`data`, `errors` and `extensions`; without `data` the operation was refused as a whole."""

Admit: TypeAlias = Callable[[int], None]
"""Told what an operation costs before it runs; refuses it by raising a DomainError."""

LONG = 1_500
"""Characters of a document that takes some 10 ms to check."""


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
        self._judge = Judge(schema, limits, planner)
        self._time_limit = time_limit
        self._cache: DocumentCache[Verdict] = DocumentCache(entries=cache_entries, size=cache_size)
        # One, so that a flood of new documents never has more than a share of the process.
        self._thread = ThreadPoolExecutor(1, "documents")
        self._answers = Answers()

    @property
    def checked(self) -> int:
        """Documents that were parsed and validated so far; the others were remembered."""
        return self._judge.checked

    @property
    def kept(self) -> int:
        """The bytes that the documents which are remembered are taken to weigh."""
        return self._cache.size

    def prepare(self, query: str, operation_name: str | None = None) -> Prepared:
        """Find the operation and check it. Raises Refused; the same text is checked once."""
        found = self._cache.get((query, operation_name))
        if found is None:
            found = self._keep(query, operation_name, self._judge.judged(query, operation_name))
        return accepted(found)

    async def prepare_apart(self, query: str, operation_name: str | None = None) -> Prepared:
        """The same, where a long text that is new is checked in a thread: the loop goes on."""
        if len(query) <= LONG or (query, operation_name) in self._cache:
            return self.prepare(query, operation_name)
        loop = asyncio.get_running_loop()
        judged = await loop.run_in_executor(self._thread, self._judge.judged, query, operation_name)
        return accepted(self._keep(query, operation_name, judged))

    def _keep(self, query: str, operation_name: str | None, judged: Judged) -> Verdict:
        found, size = judged
        self._cache.put((query, operation_name), found, size)
        return found

    async def execute(
        self,
        prepared: Prepared,
        variables: Mapping[str, Any],
        open_context: OpenContext,
        *,
        request_id: str,
        admit: Admit | None = None,
        tell_cost: bool = False,
    ) -> Response:
        """Run a query or a mutation; every failure is in the response, none is raised."""
        report = ErrorReport(request_id)
        try:
            bound, cost = self._admitted(prepared, variables, admit)
            response = self._answers.get(prepared, bound.variables.coerced)
            if response is None:
                async with asyncio.timeout(self._time_limit), open_context() as context:
                    response = await _executed(prepared, bound, context, report)
                self._answers.keep(prepared, bound.variables.coerced, response)
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
        admit: Admit | None = None,
        deliver: Deliver | None = None,
    ) -> AsyncGenerator[Response, None]:
        """Yield a response per event; raises Refused at the start or when the source fails.

        The source and each event have a context of their own, since what a context has
        loaded grows old. Closing the generator closes the source.

        While the generator is waited for, events whose plan reads nothing may go straight from
        the source to `deliver`. What that does not take is yielded.
        """
        report = ErrorReport(request_id)
        try:
            bound, _ = self._admitted(prepared, variables, admit)
            planned = prepared.planned
            encode = planned.encoder(bound.variables) if planned else None
            async with open_context() as context:
                if encode is not None and deliver is not None:
                    context.sink = Direct(encode, deliver)
                executor = bound.executor(context)
                source = await self._source(executor, report)
                limited = limited_by(self._time_limit, open_context)
                read = planned.event if planned else None
                events = execution.responses(executor, source, limited, read, encode)
                async with aclosing(events) as results:
                    async for result in results:
                        yield shaped(result, report)
        except Refused:
            raise
        except Exception as error:
            raise Refused([report.raised(error)]) from error

    async def _source(self, executor: Execution, report: ErrorReport) -> Any:
        async with asyncio.timeout(self._time_limit):
            found = await execution.source_of(executor)
        if isinstance(found, ExecutionResult):
            raise Refused([report.field_error(error) for error in found.errors or []])
        return found

    def _admitted(
        self, prepared: Prepared, variables: Mapping[str, Any], admit: Admit | None
    ) -> tuple[Bound, Cost]:
        """The operation with its variables, and its cost, once that is admitted."""
        cost = prepared.meter.measure(variables)
        bound = self._bind(prepared, variables)
        if admit is not None:
            admit(cost.cost)
        return bound, cost

    def _bind(self, prepared: Prepared, variables: Mapping[str, Any]) -> Bound:
        check_repeats(prepared.repeats, variables)
        coerced = prepared.variables.coerce(variables)
        return Bound(self._schema, prepared.document, prepared.name, variables, coerced)


async def _executed(
    prepared: Prepared, bound: Bound, context: object, report: ErrorReport
) -> Response:
    if prepared.planned is not None:
        data = await prepared.planned.data(context, bound.variables)
        if data is not None:
            return {"data": data}
    return shaped(await execution.run(bound, context), report)


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
