"""Runs a query once, traced, and has PostgreSQL explain each statement that it sent."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.contexts import PunnetContexts, viewer_named
from app.graphql import engine_of
from app.payload import read_json, request_from
from app.plan_telling import beside
from app.process import connect
from app.tally import Spent, Tally
from graphql_schema.core import execution
from graphql_schema.core.errors import MAX_ERRORS, Refused, ResponseError, variable_error
from graphql_schema.plans.tracing import Trace
from graphql_schema.schema import graphql_core_schema
from models.viewer import SIGNED_OUT

if TYPE_CHECKING:
    from graphql import GraphQLSchema

    from app.config import Settings
    from app.payload import GraphQLRequest
    from app.process import Services
    from graphql_schema.core.engine import Engine
    from graphql_schema.plans.printing import Level
    from models.viewer import Viewer

OLDER = "The database is older than this: run `punnet migrate` first."

Statements = list[tuple[str, Sequence[Any]]]
"""Each statement that was sent, with its arguments."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be explained, as the command got it; `who` is None for somebody signed out."""

    document: str
    operation: str | None
    variables: str
    who: str | None
    analyze: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """An operation: its levels, and what it sent beside them.

    `reason` says why graphql-core executes it, None where its plan does. `plans` are PostgreSQL's
    for each SQL that was sent, in lines; without `ran` none was, nor was the operation executed.
    """

    kind: str
    name: str | None
    ran: bool
    reason: str | None
    levels: Sequence[Level]
    beside: Sequence[tuple[str, Spent]] = ()
    errors: Sequence[ResponseError] = ()
    plans: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])


async def explanation(settings: Settings, url: str, asked: Question) -> Explanation:
    """Explain an operation. Raises DomainError and Refused for what is no valid operation."""
    request = request_from(
        {
            "query": asked.document,
            "operationName": asked.operation,
            "variables": read_json(asked.variables),
        }
    )
    schema = graphql_core_schema()
    engine = engine_of(settings, schema)
    prepared = engine.prepare(request.query, request.operation_name)
    trace = Trace(schema, prepared, left=lambda reason: None)
    if prepared.kind != "query":
        return _unrun(schema, trace, request)
    sent: Statements = []
    async with _connected(settings, url, sent) as services:
        viewer = SIGNED_OUT
        if asked.who is not None:
            viewer = await viewer_named(services.database, asked.who)
        tally, errors = await _run(engine, services, viewer, trace, request)
        own = {sql: args for sql, args in sent if sql in tally.statements}
        plans = await _plans(services, own, analyze=asked.analyze)
    levels = trace.levels()
    return Explanation(
        prepared.kind,
        prepared.name,
        ran=True,
        reason=trace.reason,
        levels=levels,
        beside=list(beside(levels, tally.statements)),
        errors=errors,
        plans=plans,
    )


def _unrun(schema: GraphQLSchema, trace: Trace, request: GraphQLRequest) -> Explanation:
    """The plan of an operation that must not be executed to be looked at."""
    prepared = trace.prepared
    bound, errors = execution.bind(
        schema, prepared.document, prepared.operation, request.variables, MAX_ERRORS
    )
    if bound is None:
        raise Refused([variable_error(error) for error in errors])
    levels = trace.levels_for(bound.variables)
    return Explanation(prepared.kind, prepared.name, ran=False, reason=trace.reason, levels=levels)


async def _run(
    engine: Engine, services: Services, viewer: Viewer, trace: Trace, request: GraphQLRequest
) -> tuple[Tally, list[ResponseError]]:
    """Execute a query; what it sent and its errors. Raises Refused for one without data."""
    tally = Tally()
    contexts = PunnetContexts(services.ports, services.authenticator)
    response = await engine.execute(
        trace.prepared,
        request.variables,
        lambda: contexts.operation(viewer, "explain", tally),
        request_id="explain",
    )
    if "data" not in response:
        raise Refused(response["errors"])
    return tally, response.get("errors", [])


async def _plans(
    services: Services, statements: Mapping[str, Sequence[Any]], *, analyze: bool
) -> dict[str, list[str]]:
    """PostgreSQL's plan of each statement, made as for a connection of the pool."""
    explain = "EXPLAIN (ANALYZE, BUFFERS)" if analyze else "EXPLAIN"
    found: dict[str, list[str]] = {}
    async with services.database.connection() as connection:
        await connection.execute("BEGIN READ ONLY")
        try:
            for sql, args in statements.items():
                lines = await connection.fetch(f"{explain} {sql}", *args)
                found[sql] = [line["QUERY PLAN"] for line in lines]
        finally:
            await connection.execute("ROLLBACK")
    return found


@asynccontextmanager
async def _connected(
    settings: Settings, url: str, sent: Statements
) -> AsyncGenerator[Services, None]:
    """What a serving process has, of which only the pool is used; what it sends is noted."""
    services = connect(settings, url, lambda sql, args: sent.append((sql, args)))
    await services.database.open()
    try:
        (row,) = await services.database.fetch("SELECT to_regclass('user_account') AS found")
        if row["found"] is None:
            raise SystemExit(OLDER)
        yield services
    finally:
        await services.database.close()
