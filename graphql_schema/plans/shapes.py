"""Shapes: what is asked of the rows of one table, and the code that makes JSON objects of them.

A shape's code is one list comprehension around one dict literal, made as text when the document
is compiled: nothing is looked up, and nothing but values is called, for each row.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from graphql_schema.plans.running import Run
    from models.base import Record

TURN = 500
"""Rows that are made JSON of before others have their turn: a few milliseconds."""

Row = Mapping[str, Any]
Json = Any
Build = Callable[..., list[Json]]


class Step(Protocol):
    """A field that leads from rows to others."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The columns it goes by."""
        ...

    async def values(self, run: Run, rows: Sequence[Row]) -> Sequence[Json]:
        """The field's value for each row, in their order."""
        ...


@dataclass(frozen=True, slots=True)
class Leaf:
    """A column shown under `key`; `show` makes JSON of a value that is not null, see show_of."""

    key: str
    column: str
    show: Callable[[Any], Json] | str | None
    null: bool


@dataclass(frozen=True, slots=True)
class Fixed:
    """A value that is the same for all rows, such as `__typename`."""

    key: str
    value: Json


@dataclass(frozen=True, slots=True)
class Branch:
    """A field whose values a step finds."""

    key: str
    step: Step


Part = Leaf | Fixed | Branch


@dataclass(slots=True)
class Shape:
    """What is asked of the rows of `model`."""

    model: type[Record]
    parts: tuple[Part, ...]
    columns: tuple[str, ...] = field(init=False)
    steps: tuple[Step, ...] = field(init=False)
    build: Build | None = None

    def __post_init__(self) -> None:
        self.steps = tuple(part.step for part in self.parts if isinstance(part, Branch))
        needed = {part.column for part in self.parts if isinstance(part, Leaf)}
        needed |= {name for step in self.steps for name in step.needs} | {"id"}
        self.columns = tuple(name for name in self.model.columns() if name in needed)

    async def objects(self, run: Run, rows: Sequence[Row]) -> list[Json]:
        """The JSON objects of rows, in their order."""
        if not rows:
            return []
        found = [await run.follow(step, rows) for step in self.steps]
        if self.build is None:  # most shapes of an interface never meet a row
            self.build = compiled(self.parts)
        if len(rows) <= TURN:
            return self.build(rows, *found)
        return await _in_turns(self.build, rows, *found)


async def _in_turns(build: Build, *columns: Sequence[Any]) -> list[Json]:
    made: list[Json] = []
    for start in range(0, len(columns[0]), TURN):
        made += build(*(column[start : start + TURN] for column in columns))
        await asyncio.sleep(0)
    return made


def _expression(leaf: Leaf, show: str) -> str:
    """The text that makes JSON of a column of the row `r`, with a function called `show`."""
    value = f"r[{leaf.column!r}]"
    if leaf.show is None:
        return value
    form = leaf.show if isinstance(leaf.show, str) else f"{show}({{}})"
    return (
        f"None if (x := {value}) is None else {form.format('x')}"
        if leaf.null
        else form.format(value)
    )


def compiled(parts: Sequence[Part]) -> Build:
    """The function that makes the objects of rows and of the values of their branches."""
    names: dict[str, Any] = {}
    entries: list[str] = []
    branches: list[str] = []
    for number, part in enumerate(parts):
        name = f"v{number}"
        if isinstance(part, Fixed):
            names[name], value = part.value, name
        elif isinstance(part, Branch):
            branches.append(name)
            value = name
        else:
            names[name], value = part.show, _expression(part, name)
        entries.append(f"{part.key!r}: {value}")
    objects = f"{{{', '.join(entries)}}}"
    arguments = "".join(f", c{name}" for name in branches)
    over = "r in rows"
    if branches:
        over = f"r, {', '.join(branches)} in zip(rows{arguments}, strict=True)"
    text = f"def build(rows{arguments}):\n    return [{objects} for {over}]"
    exec(text, names)  # noqa: S102 - keys are GraphQL names, columns our own; values are no text
    return names["build"]
