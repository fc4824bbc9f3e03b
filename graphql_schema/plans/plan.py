"""The plan of an operation: its root fields, and what is asked of what they give.

A root field's own resolver is called once; everything below a row is read level by level.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from inspect import isawaitable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import orjson

from graphql_schema.plans.connections import ConnectionShape, PageRows
from graphql_schema.plans.running import Run, Surprise
from graphql_schema.plans.shapes import Fixed, Json, Row, Shape
from graphql_schema.plans.steps import PageStep

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphql_schema.core.connection import Page
    from graphql_schema.core.delivering import Encode
    from graphql_schema.core.entries import Entry
    from graphql_schema.plans.arguments import Arguments
    from graphql_schema.plans.resolvers import Call
    from graphql_schema.plans.steps import OneStep
    from models.base import Record


@dataclass(frozen=True, slots=True)
class LeafValue:
    """One value."""

    show: Callable[[Any], Json]

    async def json(self, run: Run, value: Any) -> Json:
        return self.show(value)


@dataclass(frozen=True, slots=True)
class RowValue:
    """A row, of any of several tables where the type is an interface."""

    shapes: Mapping[type[Record], Shape]

    async def json(self, run: Run, value: Any) -> Json:
        (found,) = await self.shapes[type(value)].objects(run, [row_of(value)])
        return found


@dataclass(frozen=True, slots=True)
class PageValue:
    """A connection."""

    shape: ConnectionShape

    async def json(self, run: Run, value: Page) -> Json:
        rows = [row_of(node) for node in value.nodes]
        nodes = dict(zip(map(id, rows), value.nodes, strict=True))
        page = PageRows(
            rows,
            lambda row: value.cursor(nodes[id(row)]),
            value.has_next,
            value.has_previous,
        )
        (found,) = await self.shape.objects(run, [page])
        return found


@dataclass(frozen=True, slots=True)
class ObjectValue:
    """An object that is no row; its attributes are read one after the other."""

    fields: tuple[tuple[str, str, Value] | Fixed, ...]

    async def json(self, run: Run, value: Any) -> Json:
        found: dict[str, Json] = {}
        for field in self.fields:
            if isinstance(field, Fixed):
                found[field.key] = field.value
            else:
                key, name, inner = field
                found[key] = await inner.json(run, getattr(value, name))
        return found


@dataclass(frozen=True, slots=True)
class ListValue:
    """A list. Rows of one table in it are read together."""

    item: Value

    async def json(self, run: Run, value: Sequence[Any]) -> Json:
        if isinstance(self.item, MaybeValue) and isinstance(self.item.value, RowValue):
            return await _rows(run, self.item.value, value)
        return [await self.item.json(run, one) for one in value]


@dataclass(frozen=True, slots=True)
class MaybeValue:
    """A value that may be null; where it must not be, a null is a surprise."""

    value: Value
    required: bool

    async def json(self, run: Run, value: Any) -> Json:
        if value is not None:
            return await self.value.json(run, value)
        if self.required:
            raise Surprise("null where there must be a value")
        return None


Value = LeafValue | RowValue | PageValue | ObjectValue | ListValue | MaybeValue


def row_of(record: Record) -> Row:
    """A record as shapes take it: like a row that was read to be shown."""
    values = vars(record)
    json = {name: values[name] for name in record.opaque_columns()}
    written = {
        name: orjson.dumps(value).decode()
        for name, value in json.items()
        if value is not None and not isinstance(value, orjson.Fragment)
    }
    return values | written if written else values


async def _rows(run: Run, value: RowValue, rows: Sequence[Any]) -> list[Json]:
    made: dict[int, Json] = {}
    for model, shape in value.shapes.items():
        own = [row for row in rows if type(row) is model]
        objects = await shape.objects(run, [row_of(row) for row in own])
        made |= {id(row): one for row, one in zip(own, objects, strict=True)}
    return [None if row is None else made[id(row)] for row in rows]


@dataclass(frozen=True, slots=True)
class RootField:
    """A field of the query: its resolver, its arguments, and what is asked of its value."""

    key: str
    call: Call
    arguments: Arguments
    value: Value

    async def json(self, run: Run) -> Json:
        """The field's value. Raises whatever its resolver raises, and Surprise."""
        info = SimpleNamespace(context=run.context, path=SimpleNamespace(key=self.key))
        found = self.call(info, self.arguments.values(run.variables))
        return await self.value.json(run, await found if isawaitable(found) else found)


@dataclass(frozen=True, slots=True)
class EntryField:
    """A field of the query that is an entry: read by its key, as a relation is by a row's."""

    key: str
    entry: Entry
    step: OneStep | PageStep
    arguments: Arguments

    async def json(self, run: Run) -> Json:
        """The field's value. Raises Invalid for arguments, and Surprise."""
        by = self.entry.key(run.context, self.arguments.values(run.variables))
        if by is None and isinstance(self.step, PageStep):
            return await self.step.empty(run)
        (found,) = await run.follow(self.step, [{"id": by}])
        return found


@dataclass(frozen=True, slots=True)
class Plan:
    """A compiled operation. Any error of it means that graphql-core is to execute that."""

    fields: tuple[RootField | EntryField | Fixed, ...]
    encode: Encode | None = None
    """Of a subscription whose events need no reading: makes the bytes of their `data`."""

    async def data(self, run: Run) -> dict[str, Json]:
        """The `data` of a query or a mutation, whose fields follow one another."""
        found: dict[str, Json] = {}
        for field in self.fields:
            found[field.key] = field.value if isinstance(field, Fixed) else await field.json(run)
        return found

    async def event(self, run: Run, event: Any) -> dict[str, Json]:
        """The `data` of a subscription's event."""
        (field,) = self.fields
        if not isinstance(field, RootField):
            raise Surprise("a subscription to nothing")
        return {field.key: await field.value.json(run, event)}
