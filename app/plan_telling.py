"""`extensions.plan`: how an operation was executed, for those who work on the service."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from app.tally import Spent, Tally
from graphql_schema.plans.printing import Level, milliseconds
from graphql_schema.plans.tracing import Trace

if TYPE_CHECKING:
    from graphql import GraphQLSchema

    from graphql_schema.core.engine import Response
    from graphql_schema.core.preparing import Prepared
    from graphql_schema.plans.planner import Left


class MayOperate(Protocol):
    """A viewer, as far as this has to know."""

    @property
    def operates(self) -> bool: ...


class PlanTelling:
    """Tells operators, and in development everybody."""

    def __init__(self, schema: GraphQLSchema, left: Left, *, everybody: bool) -> None:
        self._schema = schema
        self._left = left
        self._everybody = everybody

    def trace(self, prepared: Prepared, viewer: MayOperate) -> Trace | None:
        """A trace to execute an operation by; None for a viewer who is told nothing."""
        if not (self._everybody or viewer.operates):
            return None
        return Trace(self._schema, prepared, self._left)


def with_plan(response: Response, trace: Trace, tally: Tally) -> Response:
    """A response with the plan among its extensions; a refusal as it is."""
    if "data" not in response:
        return response
    extensions = {**response.get("extensions", {}), "plan": as_dict(trace, tally)}
    return {**response, "extensions": extensions}


def as_dict(trace: Trace, tally: Tally) -> dict[str, Any]:
    """Who executed an operation and why, the levels of its plan, and what resolvers sent."""
    levels = trace.levels()
    return {
        "executor": "plan" if trace.reason is None else "graphql-core",
        "reason": trace.reason,
        "levels": [level.as_dict() for level in levels],
        "resolvers": [
            {
                "sql": sql,
                "statements": spent.count,
                "rows": spent.rows,
                "milliseconds": milliseconds(spent.seconds),
            }
            for sql, spent in beside(levels, tally.statements)
        ],
    }


def beside(levels: Iterable[Level], statements: Mapping[str, Spent]) -> Iterator[tuple[str, Spent]]:
    """What an operation sent beside the levels of its plan: resolvers did, and graphql-core."""
    sent = [one for root in levels for level in root.walk() for one in level.sent]
    for sql, spent in statements.items():
        own = [one for one in sent if one.sql == sql]
        if spent.count > len(own):
            rows = spent.rows - sum(one.rows for one in own)
            seconds = spent.seconds - sum(one.seconds for one in own)
            yield sql, Spent(spent.count - len(own), max(0.0, seconds), rows)
