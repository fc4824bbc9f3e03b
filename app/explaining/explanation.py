"""Runs a query once, traced, and has PostgreSQL explain each statement that it sent."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.assembly import connect
from app.contexts import viewer_named
from app.graphql import engine_of
from app.payload import read_json, request_from
from app.plan_telling import beside
from app.tally import Spent, TalliedDatabase, Tally
from graphql_schema.core.context import Context
from graphql_schema.core.errors import Refused, ResponseError
from graphql_schema.plans.tracing import Trace
from graphql_schema.schema import graphql_core_schema
from models.viewer import SIGNED_OUT

if TYPE_CHECKING:
    from app.config import Settings
    from app.payload import GraphQLRequest
    from app.process import Services
    from graphql_schema.plans.printing import Level
    from models.ports import Database

OLDER = "The database is older than this: run `punnet migrate` first."


class NotingDatabase(TalliedDatabase):
    """Counts, and remembers the arguments with which each statement was sent last."""

    def __init__(self, database: Database, tally: Tally) -> None:
        super().__init__(database, tally)
        self.arguments: dict[str, Sequence[Any]] = {}

    async def fetch(self, query: str, *args: Any) -> Sequence[Mapping[str, Any]]:
        self.arguments[query] = args
        return await super().fetch(query, *args)


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
    request = _request(asked)
    schema = graphql_core_schema()
    engine = engine_of(settings, schema)
    prepared = engine.prepare(request.query, request.operation_name)
    trace = Trace(schema, prepared, left=lambda reason: None)
    if prepared.kind != "query":
        return _unrun(trace, request)
    tally = Tally()
    async with _connected(settings, url) as services:
        viewer = SIGNED_OUT
        if asked.who is not None:
            viewer = await viewer_named(services.database, asked.who)
        database = NotingDatabase(services.database, tally)
        response = await engine.execute(
            trace.prepared,
            request.variables,
            lambda: Context(viewer, services.ports, "explain", database),
            request_id="explain",
        )
        if "data" not in response:
            raise Refused(response["errors"])
        plans = await _plans(services.database, database.arguments, analyze=asked.analyze)
    levels = trace.levels()
    return Explanation(
        prepared.kind,
        prepared.name,
        ran=True,
        reason=trace.reason,
        levels=levels,
        beside=list(beside(levels, tally.statements)),
        errors=response.get("errors", []),
        plans=plans,
    )


def _request(asked: Question) -> GraphQLRequest:
    return request_from(
        {
            "query": asked.document,
            "operationName": asked.operation,
            "variables": read_json(asked.variables),
        }
    )


def _unrun(trace: Trace, request: GraphQLRequest) -> Explanation:
    """The plan of an operation that must not be executed to be looked at."""
    prepared = trace.prepared
    levels = trace.levels_for(prepared.variables.coerce(request.variables))
    return Explanation(prepared.kind, prepared.name, ran=False, reason=trace.reason, levels=levels)


async def _plans(
    database: Database, statements: Mapping[str, Sequence[Any]], *, analyze: bool
) -> dict[str, list[str]]:
    """PostgreSQL's plan of each statement, made as for a connection of the pool."""
    explain = "EXPLAIN (ANALYZE, BUFFERS)" if analyze else "EXPLAIN"
    found: dict[str, list[str]] = {}
    async with database.connection() as connection:
        await connection.execute("BEGIN READ ONLY")
        try:
            for sql, args in statements.items():
                lines = await connection.fetch(f"{explain} {sql}", *args)
                found[sql] = [line["QUERY PLAN"] for line in lines]
        finally:
            await connection.execute("ROLLBACK")
    return found


@asynccontextmanager
async def _connected(settings: Settings, url: str) -> AsyncGenerator[Services, None]:
    """What a serving process has, of which only the pool is opened."""
    services = connect(settings, url)
    await services.database.open()
    try:
        (row,) = await services.database.fetch("SELECT to_regclass('user_account') AS found")
        if row["found"] is None:
            raise SystemExit(OLDER)
        yield services
    finally:
        await services.database.close()
