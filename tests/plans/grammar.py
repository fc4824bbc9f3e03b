"""Random valid queries with all that the language has, written from the schema by a seed.

What a generator of strategies seldom makes is frequent here: fields that merge, fragments in
fragments, @skip and @include, variables with and without defaults, pages, several operations.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_leaf_type,
    parse,
    validate,
)

Abstract = GraphQLInterfaceType | GraphQLUnionType
Composite = GraphQLObjectType | Abstract

DEPTH = 6
FIELDS = 60  # of one operation, at most
ABSENT = object()
OTHER_EACH_TIME = {"projectDownload"}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. `@3 prj` stands for an id and `@cursor 1 projects` for a cursor."""

    document: str
    name: str | None
    variables: dict[str, Any]


@dataclass(slots=True)
class Variable:
    """A variable of an operation, as it is declared, and the values that it may be given."""

    declared: str
    values: list[Any]


class Operation:
    """Writes one operation; `mark` keeps its fragments apart from those of others."""

    def __init__(self, schema: GraphQLSchema, random: Random, mark: str) -> None:
        self._schema, self._random, self._mark = schema, random, mark
        self._left = random.randint(3, FIELDS)
        self._arguments: dict[tuple[str, str], str] = {}
        self.variables: dict[str, Variable] = {}
        self.fragments: dict[str, tuple[str, str]] = {}
        assert schema.query_type is not None
        self._body = self._selection(schema.query_type, DEPTH)

    def text(self, name: str | None) -> str:
        """The operation with its fragments."""
        declared = " ".join(f"${key}: {one.declared}" for key, one in self.variables.items())
        head = f"query {name or ''}{f'({declared})' if declared else ''}"
        parts = [f"{head} {self._body}"]
        parts += [f"fragment {key} on {on} {body}" for key, (on, body) in self.fragments.items()]
        self._random.shuffle(parts)
        return "\n".join(parts)

    def given(self) -> dict[str, Any]:
        """Values for its variables, other ones each time."""
        found = {key: self._random.choice(one.values) for key, one in self.variables.items()}
        return {key: value for key, value in found.items() if value is not ABSENT}

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _selection(self, kind: Composite, depth: int) -> str:
        parts = [self._part(kind, depth) for _ in range(self._random.randint(1, 5))]
        return f"{{ {' '.join(parts)} }}"

    def _part(self, kind: Composite, depth: int) -> str:
        self._left -= 1
        way = self._random.random()
        if way < 0.06 or (self._left < 0 and isinstance(kind, Abstract)):
            return f"{self._random.choice(['', 'kind_of_it: '])}__typename{self._directive()}"
        if self._left > 0 and (way < 0.16 or (way < 0.7 and isinstance(kind, Abstract))):
            return self._inline(kind, depth)
        if self._left > 0 and depth < DEPTH and way < 0.28:
            return self._spread(kind, depth)
        return self._field(kind, depth)

    def _inline(self, kind: Composite, depth: int) -> str:
        on = None if self._chance(0.3) else self._narrowed(kind)
        inner = self._selection(on or kind, depth)
        return f"...{f' on {on.name}' if on else ''}{self._directive()} {inner}"

    def _spread(self, kind: Composite, depth: int) -> str:
        known = [key for key, (on, _) in self.fragments.items() if on == kind.name]
        if known and self._chance(0.5):
            key = self._random.choice(known)
        else:
            on = self._narrowed(kind)
            body = self._selection(on, min(depth, 2))
            key = f"{self._mark}{len(self.fragments)}"
            self.fragments[key] = (on.name, body)
        return f"...{key}{self._directive()}"

    def _narrowed(self, kind: Composite) -> Composite:
        """A type that a fragment inside one of `kind` may be on."""
        if isinstance(kind, Abstract):
            return self._random.choice([kind, *self._schema.get_possible_types(kind)])
        return self._random.choice([kind, *kind.interfaces])

    def _field(self, kind: Composite, depth: int) -> str:
        names = [
            name
            for name, field in getattr(kind, "fields", {}).items()  # a union has none
            if name not in OTHER_EACH_TIME
            and (is_leaf_type(get_named_type(field.type)) or (depth > 0 and self._left > 0))
        ]
        name = self._random.choice(names or ["__typename"])
        key = f"{name}_{self._random.randint(0, 2)}" if self._chance(0.4) else name
        alias = f"{key}: " if key != name else ""
        if name == "__typename":
            return f"{alias}{name}"
        assert not isinstance(kind, GraphQLUnionType)
        field = kind.fields[name]
        target: Any = get_named_type(field.type)
        inner = f" {self._selection(target, depth - 1)}" if is_composite_type(target) else ""
        given = self._given(kind, key, name, field)
        return f"{alias}{name}{given}{self._directive()}{inner}"

    def _directive(self) -> str:
        if not self._chance(0.15):
            return ""
        value = self._random.choice(["true", "false", "$b", "$c", "$d"])
        declared = {"$b": "Boolean!", "$c": "Boolean! = true", "$d": "Boolean = false"}
        if value in declared:
            values: list[Any] = [True, False]
            values += [ABSENT] * (value != "$b") + [None] * (value == "$d" and self._chance(0.1))
            self.variables.setdefault(value[1:], Variable(declared[value], values))
        return f" @{self._random.choice(['skip', 'include'])}(if: {value})"

    def _given(self, kind: Composite, key: str, name: str, field: GraphQLField) -> str:
        """The arguments; the same ones wherever the field has this key, so that it merges."""
        if (kind.name, key) not in self._arguments:
            found = self._paging(kind, name) if "first" in field.args else {}
            for argument, one in field.args.items():
                if argument in {"id", "ids", "projectId"}:
                    found[argument] = self._ids(name, one.type)
            if "org" in field.args and self._chance(0.2):
                found["org"] = self._random.choice(["null", '"@0 usr"', '"@1 usr"'])
            text = ", ".join(f"{argument}: {value}" for argument, value in found.items())
            self._arguments[kind.name, key] = f"({text})" if text else ""
        return self._arguments[kind.name, key]

    def _ids(self, name: str, kind: Any) -> str:
        prefix = {"project": "prj", "pendingAgentRuns": "prj", "message": "msg", "fragment": "frg"}
        prefixes = ["prj", "msg", "cnv", "frg", "run", "att", "usr", "imp", "fdr", "nothing"]
        ids = [
            f'"@{self._random.randint(0, 9)} {prefix.get(name) or self._random.choice(prefixes)}"'
            for _ in range(4)
        ]
        given = [one.strip('"') for one in ids]
        if not isinstance(get_nullable_type(kind), GraphQLList):
            return self._one_id(ids[0], given)
        if self._chance(0.2):
            return self._variable("[ID!]!", [given, given[0], []])
        mixed = [self._one_id(one, given) for one in ids]
        return self._random.choice([ids[0], f"[{', '.join(mixed)}]", "[]"])

    def _one_id(self, literal: str, given: list[Any]) -> str:
        if self._chance(0.7):
            return literal
        if self._chance(0.5):
            return self._variable("ID!", given)
        return self._variable(f"ID = {literal}", [*given, ABSENT, ABSENT, None])

    def _paging(self, kind: Composite, name: str) -> dict[str, str]:
        way = self._random.random()
        if way < 0.2:
            return {}
        if way < 0.23:
            return dict(self._random.choice(WRONG))
        size, place = self._random.choice([("first", "after"), ("last", "before")])
        if way > 0.9:
            size = {"first": "last", "last": "first"}[size]
        found = {} if way > 0.95 else {size: self._size()}
        if self._chance(0.3 if kind.name == "Query" else 0.02):
            found[place] = f'"@cursor {self._random.randint(0, 9)} {name}"'
        return found

    def _size(self) -> str:
        if self._chance(0.6):
            return str(self._random.randint(0, 6))
        default = self._random.choice([None, 1, 3])
        declared = "Int" if default is None else f"Int = {default}"
        return self._variable(declared, [ABSENT, None, *range(5)])

    def _variable(self, declared: str, values: list[Any]) -> str:
        key = f"v{len(self.variables)}"
        self.variables[key] = Variable(declared, values)
        return f"${key}"


WRONG = (
    {"first": "101"},
    {"first": "-1"},
    {"first": "1", "last": "2"},
    {"after": '"x"'},
    {"first": "3", "before": '"@cursor 0 foreign"'},
)


def asked(schema: GraphQLSchema, seed: int, count: int) -> list[Asked]:
    """So many requests, the same ones for the same seed."""
    random = Random(seed)  # noqa: S311 - the numbers must repeat
    found: list[Asked] = []
    while len(found) < count:
        found += _of_one_document(schema, random)
    return found[:count]


def _of_one_document(schema: GraphQLSchema, random: Random) -> list[Asked]:
    """Requests of one document: each of its operations, with several values where it has some."""
    names = ["A", "B"] if random.random() < 0.1 else [None]
    made = {name: Operation(schema, random, f"F{name or ''}") for name in names}
    document = "\n".join(one.text(name) for name, one in made.items())
    if validate(schema, parse(document), max_errors=1):  # fields that can't be merged
        return []
    return [
        Asked(document, name, one.given())
        for name, one in made.items()
        for _ in range(3 if one.variables else 1)
    ]
