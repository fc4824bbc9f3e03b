"""What an operation costs, in rows and fields: 1 per field and parent row.

A mutation costs 10, a field may declare its own `cost`. A connection (`first`, `last`) multiplies
its `nodes` and `edges` by the page (20 where nothing is asked, 100 at most), a list what is below
it by its declared `rows` or 10, `nodes(ids:)` by the number of ids. Introspection has its own
scale.
"""

from collections.abc import Iterator, Mapping
from math import ceil

import graphql
from graphql import DocumentNode, GraphQLSchema, OperationDefinitionNode

from graphql_schema.core.limits import Limits, Measure, refusal
from graphql_schema.core.prices import LIST_ROWS, Prices, Rows
from graphql_schema.core.selections import Arguments, Operation, Selections

INTROSPECTION_DEPTH = 24
"""Nested selection sets below `__schema` or `__type`; the usual tools ask for about 15."""

CEILING = 1 << 53
"""Costs stop growing here: exact in JSON, and no long arithmetic on the way."""

_DEPTH = "nested selection sets"
_INTROSPECTION = "nested selection sets of introspection"
_COST = "rows and fields"


class Meter:
    """One operation of one document, measured anew for each request's variables."""

    __slots__ = ("_aliases", "_limit", "_scale", "_sets", "_steady")

    def __init__(self, sets: list[Selections], aliases: int, limit: int, scale: float) -> None:
        self._sets = sets
        self._aliases = aliases
        self._limit = limit
        self._scale = scale
        varies = any(below.varies for found in sets for below in found.below)
        self._steady = None if varies else self._cost({})

    def measure(self, variables: Mapping[str, object] | None = None) -> Measure:
        """What the operation asks for. Raises TooCostly where that is more than the limit."""
        cost = self._cost(variables or {}) if self._steady is None else self._steady
        if cost > self._limit:
            raise refusal(_COST, self._limit, cost)
        return Measure(cost, self._limit, self._sets[-1].depth, self._aliases)

    def _cost(self, variables: Mapping[str, object]) -> int:
        # Of each set, what it costs by itself, and what it adds for each row of a connection
        # around it: a fragment on a connection does not know the page it will be used with.
        totals: list[tuple[float, float]] = []
        for found in self._sets:
            flat: float = found.cost
            per_row: float = 0
            for below in found.below:
                rows = below.rows
                count = rows.rows(variables) if isinstance(rows, Arguments) else rows
                below_flat, below_row = totals[below.index]
                if below.kind is Rows.OF_FRAGMENT:
                    flat += below_flat
                    per_row += below_row
                elif below.kind is Rows.CONNECTION:
                    flat += below_flat + count * below_row
                else:
                    whole = below_flat + LIST_ROWS * below_row
                    if below.kind is Rows.OF_CONNECTION:
                        per_row += whole
                    elif below.kind is Rows.INTROSPECTION:
                        flat += ceil(whole * self._scale)
                    else:
                        flat += count * whole
            totals.append((min(flat, CEILING), min(per_row, CEILING)))
        flat, per_row = totals[-1]
        return min(ceil(flat + LIST_ROWS * per_row), CEILING)


class CostModel:
    """Makes the meters of one schema; built once."""

    def __init__(self, schema: GraphQLSchema, limits: Limits) -> None:
        self._limits = limits
        self._prices = Prices(schema)
        # Introspection has its own scale, on which the usual tools' query costs half the limit.
        self._scale = 1.0
        document = graphql.parse(graphql.get_introspection_query())
        usual = self._meter(document, next(_operations(document)), CEILING)
        self._scale = limits.cost / 2 / usual.measure().cost

    def meter(self, document: DocumentNode, operation: OperationDefinitionNode) -> Meter:
        """Read an operation, to be kept with its document.

        Raises TooCostly for more depth or aliases than the limits allow.
        """
        return self._meter(document, operation, self._limits.cost)

    def _meter(
        self, document: DocumentNode, operation: OperationDefinitionNode, limit: int
    ) -> Meter:
        read = Operation(self._prices, document, operation)
        for found, allowed, what in (
            (read.sets[-1].depth, self._limits.depth, _DEPTH),
            (read.introspection_depth, INTROSPECTION_DEPTH, _INTROSPECTION),
            (read.aliases, self._limits.aliases, "aliases"),
        ):
            if found > allowed:
                raise refusal(what, allowed, found)
        return Meter(read.sets, read.aliases, limit, self._scale)


def _operations(document: DocumentNode) -> Iterator[OperationDefinitionNode]:
    return (d for d in document.definitions if isinstance(d, OperationDefinitionNode))
