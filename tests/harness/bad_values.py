"""Values that do not belong where they stand, for every input field, made from the schema.

A `Bad` that is `sure` must be refused. The others are odd but may fit, such as a text that is
written from right to left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    get_named_type,
    get_nullable_type,
    is_required_input_field,
)

from tests.harness.documents import object_type
from tests.harness.ownership import PICTURE, Variables, replaced

MEGABYTE = 1 << 20
LONG = "x" * 1_030_000
Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bad:
    """A value for the input field at `path`; `alone` there, in a field of which one is given."""

    path: Path
    value: Any
    sure: bool = True
    alone: bool = False

    def put(self, base: Variables) -> Variables:
        """The arguments with the value in its place."""
        if self.alone:
            return replaced(base, self.path[:-1], {self.path[-1]: self.value})
        return replaced(base, self.path, self.value)

    @property
    def field(self) -> str:
        """How errors name the field."""
        return ".".join(self.path[1:] if self.path[0] == "input" else self.path)

    def __repr__(self) -> str:
        return f"{'.'.join(self.path)} = {str(self.value)[:60]!r}"


def deep(levels: int) -> Any:
    """Objects inside each other."""
    value: Any = "x"
    for _ in range(levels):
        value = {"a": value}
    return value


TEXTS = ["a\0b", "a\ud800b", 5, True, {}, {"a": 1}, ["a", "b"], LONG]
ODD_TEXTS = [
    "",
    " \n\t ",
    "\u202e\u2066\u0007\x1b[31mx",
    "'; DROP TABLE project; --",
    "\U0001f600" * 40,
]
NUMBERS = ["1", 1.5, 2**31, -(2**31) - 1, 2**63, 1e300, True, [], {}]
ODD_NUMBERS = [-1, 0, 2**31 - 1]
AMOUNTS = ["1", -1, 1e300, True, [], {}]
ODD_AMOUNTS = [0, 0.1, 1.5, 1e-9, 2**31]
TIMES = ["", "soon", "2026-01-31", "2026-01-31T12:00:00", "9999999-01-01T00:00:00Z", 5, True, {}]
TIMES += ["2001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00"]
SWITCHES = ["true", 1, 0, [], {}]
CHOICES = ["NOPE", "nextjs", "", 1, True, {}, LONG]
IDS = ["", " ", "1", 5, "../etc", "prj_", "prj_" + "z" * 26, LONG]
"""Ids of nothing: NOT_FOUND."""
NO_IDS = [1.5, True, {}, ["a", "b"], "a\0b", "\udfff"]
JSON = [deep(150), {"a\0": 1}, {"a": "\ud800"}, {"a": [1e300]}, {"a": 2**64}]
ODD_JSON = [
    [],
    [1],
    "x",
    1,
    1.5,
    True,
    deep(90),
    {"a": "x" * 900_000},
    {str(n): n for n in range(30_000)},
]
NO_FILES = [
    [],
    ["a"],
    "a",
    1,
    False,
    *({path: "a"} for path in ("/a", "../a", "a/../../b", "", "a\\b", "C:/a", "a\nb", "x" * 500)),
    {f"{n}.txt": "" for n in range(1_001)},
]
OBJECTS = {"files", "metadata", "limits"}
"""JSON fields that take an object, or nothing, and no other value."""


def bad_values(mutation: str, base: Variables) -> Iterator[Bad]:
    """Every bad value for every field of a mutation's input, its base having all lists filled."""
    kind = object_type("Mutation").fields[mutation].args["input"].type
    for value in ({}, [], "x", 1, None):
        if value != {} or any(field.is_required for field in _fields(kind)):
            yield Bad(("input",), value)
    yield Bad(("input", "nope"), 1)
    for bad in _of_object(kind, ("input",)):
        free = (mutation, bad.path[-1]) == ("upsertFragment", "metadata")
        yield replace(bad, sure=False) if free and bad.value in ODD_JSON else bad


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    type: Any
    is_required: bool


def _fields(kind: Any) -> list[_Field]:
    named = get_named_type(kind)
    assert isinstance(named, GraphQLInputObjectType)
    return [_Field(name, f.type, is_required_input_field(f)) for name, f in named.fields.items()]


def _of_object(kind: Any, path: Path) -> Iterator[Bad]:
    one_of = getattr(get_named_type(kind), "is_one_of", False)
    for field in _fields(kind):
        at = (*path, field.name)
        if isinstance(field.type, GraphQLNonNull) or one_of:
            yield Bad(path if one_of else at, {field.name: None} if one_of else None)
        else:
            yield Bad(at, None, sure=False)
        for bad in _of(get_nullable_type(field.type), at):
            yield replace(bad, alone=True) if one_of else bad


def _of(kind: Any, at: Path) -> Iterator[Bad]:
    if isinstance(kind, GraphQLList):
        yield Bad(at, "x", sure=get_named_type(kind).name != "String")  # read as a list of one
        yield from (Bad(at, value) for value in (1, [None], [[]], [1], [PICTURE] * 21))
        if isinstance(get_named_type(kind), GraphQLInputObjectType):
            yield from _of_object(kind.of_type, (*at, "0"))
    elif isinstance(kind, GraphQLInputObjectType):
        yield from (Bad(at, value) for value in ("x", 1, [], {"nope": 1}, {}))
        if kind.is_one_of:
            yield Bad(at, dict.fromkeys(kind.fields, "x"))
        yield from _of_object(kind, at)
    elif isinstance(kind, GraphQLEnumType):
        yield from (Bad(at, value) for value in CHOICES)
    else:
        yield from _of_scalar(kind.name, at)


def _of_scalar(name: str, at: Path) -> Iterator[Bad]:
    sure, odd = {
        "String": (TEXTS, ODD_TEXTS),
        "Int": (NUMBERS, ODD_NUMBERS),
        "Float": (AMOUNTS, ODD_AMOUNTS),
        "Boolean": (SWITCHES, []),
        "ID": (IDS + NO_IDS, []),
        "JSON": (JSON, ODD_JSON),
        "DateTime": (TIMES, []),
    }[name]
    if name == "JSON" and at[-1] in OBJECTS:
        sure, odd = sure + (NO_FILES if at[-1] == "files" else ODD_JSON[:6]), ODD_JSON[6:]
    yield from (Bad(at, value) for value in sure)
    yield from (Bad(at, value, sure=False) for value in odd)
