"""A plan as plain data: a tree of levels, each with what it reads and the SQL that does.

Values appear nowhere: the SQL has placeholders, and of what was sent only numbers are told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from graphql_schema.core.connection import DEFAULT_SIZE
from graphql_schema.plans.connections import ConnectionShape, EdgeField, PageField
from graphql_schema.plans.plan import (
    EntryField,
    ListValue,
    MaybeValue,
    ObjectValue,
    PageValue,
    Plan,
    RootField,
    RowValue,
    Value,
)
from graphql_schema.plans.shapes import Branch, Fixed, Shape
from graphql_schema.plans.steps import (
    ComputedStep,
    FirstStep,
    ManyStep,
    OneStep,
    PageStep,
    with_column,
)
from models.reading import Listing, Lookup
from models.viewer import SIGNED_OUT

if TYPE_CHECKING:
    from graphql_schema.plans.shapes import Step

SOMEWHERE = (None, "")
"""Stands for the place of a cursor: the text of a statement depends on its being there alone."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A statement that was sent, how many rows came and after how many seconds."""

    sql: str
    rows: int
    seconds: float


SentBy = Mapping[int, Sequence[Sent]]
"""What each step sent, by the step's `id`."""


@dataclass(frozen=True, slots=True)
class Level:
    """One level: what it reads for all its parents at once, and what follows from there.

    `path` are the response keys that lead to it. `kind` is one, list, first, page or computed, or
    else `resolver` for a field that finds its value by code of its own, and `rows` for what is
    asked of the rows it finds. `by` is the column that holds the parents' keys, `limit` how many
    rows are read for each parent; a page takes one more than it shows.
    """

    path: str
    kind: str
    table: str | None = None
    by: str | None = None
    columns: tuple[str, ...] = ()
    where: str | None = None
    order: str | None = None
    limit: int | None = None
    access: str | None = None
    sql: str | None = None
    sent: tuple[Sent, ...] = ()
    levels: tuple[Level, ...] = ()

    def walk(self) -> Iterator[Level]:
        """This level and all below it, in the order in which they are read."""
        yield self
        for level in self.levels:
            yield from level.walk()

    def as_dict(self) -> dict[str, Any]:
        """The level for JSON, without what does not apply to it."""
        own = ("path", "kind", "table", "by", "columns", "where", "order", "limit", "access", "sql")
        found = {name: value for name in own if (value := getattr(self, name)) not in (None, ())}
        if self.sql is not None:
            found["statements"] = len(self.sent)
            found["rows"] = sum(sent.rows for sent in self.sent)
            found["milliseconds"] = milliseconds(sum(sent.seconds for sent in self.sent))
        if self.levels:
            found["levels"] = [level.as_dict() for level in self.levels]
        return found


def milliseconds(seconds: float) -> float:
    """Seconds as milliseconds, to the microsecond."""
    return round(seconds * 1_000, 3)


def printed(plan: Plan, variables: Any, sent: SentBy) -> list[Level]:
    """The levels of a plan for graphql-core's coerced variables, with what was sent by each."""
    printer = _Printer(variables, sent)
    return [level for field in plan.fields for level in printer.root(field)]


class _Printer:
    """Walks a plan; which paging arguments are given decides about some of its SQL."""

    def __init__(self, variables: Any, sent: SentBy) -> None:
        self._variables = variables
        self._sent = sent

    def root(self, field: RootField | EntryField | Fixed) -> Iterator[Level]:
        if isinstance(field, EntryField):
            yield self._step(field.key, field.step)
        elif isinstance(field, RootField):
            below = tuple(self._value(field.key, field.value))
            yield Level(field.key, "resolver", levels=below)

    # -- values ----------------------------------------------------------------------------

    def _value(self, path: str, value: Value) -> Iterator[Level]:
        if isinstance(value, MaybeValue):
            yield from self._value(path, value.value)
        elif isinstance(value, ListValue):
            yield from self._value(path, value.item)
        elif isinstance(value, ObjectValue):
            for field in value.fields:
                if not isinstance(field, Fixed):
                    key, _, inner = field
                    yield from self._value(f"{path}.{key}", inner)
        elif isinstance(value, PageValue):
            yield from self._connection(path, value.shape)
        elif isinstance(value, RowValue):
            yield from self._rows(path, value)

    def _rows(self, path: str, value: RowValue) -> Iterator[Level]:
        """What is asked of each table's rows; of an interface, where that is more than the id."""
        for model, shape in value.shapes.items():
            if len(value.shapes) == 1 or shape.steps or shape.columns != ("id",):
                below = tuple(self._branches(path, shape))
                yield Level(path, "rows", model.table(), columns=shape.columns, levels=below)

    def _connection(self, path: str, shape: ConnectionShape) -> Iterator[Level]:
        for field in shape.fields:
            if isinstance(field, PageField):
                yield from self._branches(f"{path}.{field.key}", field.shape)
                for edge in field.edge:
                    if isinstance(edge, EdgeField):
                        yield from self._branches(f"{path}.{field.key}.{edge.key}", edge.shape)

    def _branches(self, path: str, shape: Shape | None) -> Iterator[Level]:
        for part in shape.parts if shape is not None else ():
            if isinstance(part, Branch):
                yield self._step(f"{path}.{part.key}", part.step)

    # -- steps -----------------------------------------------------------------------------

    def _step(self, path: str, step: Step) -> Level:
        if isinstance(step, ComputedStep):
            return Level(path, "computed", step.model.table(), columns=step.needs)
        sent = self._sent.get(id(step), ())
        if isinstance(step, PageStep):
            columns = step.shape.columns(step.query.order.column)
            below = tuple(self._connection(path, step.shape))
            return _listed(path, "page", self._paged(step), columns, sent, below)
        assert isinstance(step, OneStep | ManyStep | FirstStep), "a step of a new kind"
        below = tuple(self._branches(path, step.shape))
        columns = step.shape.columns
        if isinstance(step, OneStep):
            return _looked_up(path, step.query, columns, sent, below)
        if isinstance(step, ManyStep):
            return _listed(path, "list", step.query, columns, sent, below)
        for query in reversed(step.queries):
            below = (_listed(path, "first", query, columns, sent, below),)
            columns = ("id",)
        return below[0]

    def _paged(self, step: PageStep) -> Listing:
        """The query of a page as its arguments make it, without their values."""
        given = step.arguments.values(self._variables)
        sizes = [given[name] for name in ("first", "last") if given.get(name) is not None]
        return replace(
            step.query,
            limit=(sizes[0] if sizes else DEFAULT_SIZE) + 1,
            after=None if given.get("after") is None else SOMEWHERE,
            before=None if given.get("before") is None else SOMEWHERE,
            backward=given.get("last") is not None,
        )


Columns = tuple[str, ...]
Levels = tuple[Level, ...]


def _looked_up(
    path: str, query: Lookup, columns: Columns, sent: Sequence[Sent], below: Levels
) -> Level:
    columns = with_column(columns, query.column)
    made = Level(path, "one", by=query.column, where=query.where, levels=below)
    return _with_sql(made, query, columns, sent)


def _listed(
    path: str, kind: str, query: Listing, columns: Columns, sent: Sequence[Sent], below: Levels
) -> Level:
    order = f"{query.order.column} {'descending' if query.order.descending else 'ascending'}"
    made = Level(
        path,
        kind,
        by=query.by,
        where=query.where,
        order=f"{order}, from the end" if query.backward else order,
        limit=query.limit,
        levels=below,
    )
    return _with_sql(made, query, columns, sent)


def _with_sql(
    level: Level, query: Lookup | Listing, columns: Columns, sent: Sequence[Sent]
) -> Level:
    """A level with what every statement has."""
    sql, _ = query.statement(SIGNED_OUT, [], columns)  # its text is the same for every viewer
    return replace(
        level,
        table=query.model.table(),
        columns=columns,
        access=_access(query),
        sql=sql,
        sent=tuple(one for one in sent if one.sql == sql),
    )


def _access(query: Lookup | Listing) -> str:
    """The rule by which rows are reached."""
    if isinstance(query, Listing) and query.public:
        return "public"
    return "through its whole" if query.checked else str(query.model.access)
