"""Connections: pages of rows to `edges`, `nodes` and `pageInfo`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from graphql_schema.plans.shapes import TURN, Fixed, Json, Row, Shape

if TYPE_CHECKING:
    from graphql_schema.plans.running import Run

CURSORS = {"startCursor": 0, "endCursor": -1}


@dataclass(frozen=True, slots=True)
class PageRows:
    """One page of a list, as rows; `cursor` signs the place of a row."""

    rows: Sequence[Row]
    cursor: Callable[[Row], str]
    has_next: bool
    has_previous: bool


@dataclass(frozen=True, slots=True)
class Info:
    """A field of `pageInfo`."""

    key: str
    name: str

    def of(self, page: PageRows) -> Json:
        """Its value."""
        if self.name in CURSORS:
            return page.cursor(page.rows[CURSORS[self.name]]) if page.rows else None
        return page.has_next if self.name == "hasNextPage" else page.has_previous


@dataclass(frozen=True, slots=True)
class EdgeField:
    """A field of an edge: its node with `shape`, a `column` of its row, or else its cursor."""

    key: str
    shape: Shape | None = None
    column: str | None = None

    @property
    def is_cursor(self) -> bool:
        """Whether it is signed for each row."""
        return self.shape is None and self.column is None


@dataclass(frozen=True, slots=True)
class PageField:
    """A field of a connection, with what is asked of it."""

    key: str
    name: Literal["edges", "nodes", "pageInfo"]
    shape: Shape | None = None
    edge: tuple[EdgeField | Fixed, ...] = ()
    info: tuple[Info | Fixed, ...] = ()


@dataclass(frozen=True, slots=True)
class ConnectionShape:
    """What is asked of a connection."""

    fields: tuple[PageField | Fixed, ...]

    @property
    def shapes(self) -> list[Shape]:
        """What is asked of its rows, in one place or several."""
        found: list[Shape] = []
        for field in self.fields:
            if isinstance(field, PageField):
                edges = [e.shape for e in field.edge if isinstance(e, EdgeField)]
                found += [shape for shape in (field.shape, *edges) if shape is not None]
        return found

    def columns(self, order: str) -> tuple[str, ...]:
        """The columns it needs of rows in the order of a column."""
        shapes = self.shapes
        needed = {name for shape in shapes for name in shape.columns} | {"id", order}
        return tuple(sorted(needed))

    async def objects(self, run: Run, pages: Sequence[PageRows]) -> list[Json]:
        """The JSON object of each page; the rows of all are shaped at once."""
        rows = [row for page in pages for row in page.rows]
        made = {id(shape): await shape.objects(run, rows) for shape in self.shapes}
        found: list[Json] = []
        start = turn = 0
        for page in pages:
            end = start + len(page.rows)
            part = {shape: objects[start:end] for shape, objects in made.items()}
            found.append({field.key: _value(field, page, part) for field in self.fields})
            start = end
            if start - turn > TURN:
                turn = start
                await asyncio.sleep(0)
        return found


def _value(field: PageField | Fixed, page: PageRows, made: dict[int, list[Json]]) -> Json:
    if isinstance(field, Fixed):
        return field.value
    if field.name == "nodes":
        return made[id(field.shape)]
    if field.name == "pageInfo":
        return {i.key: i.value if isinstance(i, Fixed) else i.of(page) for i in field.info}
    if not field.edge:  # all its fields are skipped
        return [{} for _ in page.rows]
    signed = any(isinstance(edge, EdgeField) and edge.is_cursor for edge in field.edge)
    cursors = [page.cursor(row) for row in page.rows] if signed else []
    columns = [_edge_values(edge, page, made, cursors) for edge in field.edge]
    keys = [edge.key for edge in field.edge]
    return [dict(zip(keys, values, strict=True)) for values in zip(*columns, strict=True)]


def _edge_values(
    edge: EdgeField | Fixed, page: PageRows, made: dict[int, list[Json]], cursors: list[str]
) -> Sequence[Any]:
    if isinstance(edge, Fixed):
        return [edge.value] * len(page.rows)
    if edge.column is not None:
        return [row[edge.column] for row in page.rows]
    return cursors if edge.shape is None else made[id(edge.shape)]
