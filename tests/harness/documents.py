"""Operations written from the schema: one root field with its arguments as variables."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from graphql import (
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
)

from graphql_schema.schema import graphql_core_schema

ROOTS = {"Query": "query", "Mutation": "mutation", "Subscription": "subscription"}


def schema() -> GraphQLSchema:
    """The server's own schema."""
    return graphql_core_schema()


def root_fields() -> list[str]:
    """`Query.me` and so on, for every field of a root."""
    return [f"{root}.{name}" for root in ROOTS for name in object_type(root).fields]


def object_type(name: str) -> Any:
    """A type of the schema by its name."""
    found = schema().get_type(name)
    assert found is not None, name
    return found


def node_types() -> set[str]:
    """The names of the types that `node` may give."""
    return {found.name for found in schema().get_possible_types(object_type("Node"))}


@cache
def operation(field: str, arguments: frozenset[str], depth: int = 2) -> str:
    """The operation that asks for `Query.x`, giving the named arguments, under the name `it`."""
    root, name = field.split(".")
    found = object_type(root).fields[name]
    given = [(key, found.args[key].type) for key in found.args if key in arguments]
    head = ", ".join(f"${key}: {kind}" for key, kind in given)
    tail = ", ".join(f"{key}: ${key}" for key, _ in given)
    below = selection(get_named_type(found.type), depth)
    start, call = f"({head})" if head else "", f"({tail})" if tail else ""
    return f"{ROOTS[root]}{start} {{ it: {name}{call} {below} }}"


def asked(field: str, variables: dict[str, Any], depth: int = 2) -> str:
    """The operation for a set of arguments."""
    return operation(field, frozenset(variables), depth)


@cache
def selection(kind: GraphQLNamedType, depth: int, first: int = 3) -> str:
    """Everything of a type that takes no arguments but `first`, `depth` relations deep."""
    if is_leaf_type(kind):
        return ""
    if isinstance(kind, GraphQLInterfaceType):
        return "{ __typename id }"
    if isinstance(kind, GraphQLUnionType):
        return "{ __typename }"
    assert isinstance(kind, GraphQLObjectType), kind
    if kind.name.endswith("Edge"):
        return "{ cursor node { id } }"
    return "{ " + " ".join(_fields(kind, depth, first)) + " }"


def of_union(kind: GraphQLUnionType) -> str:
    """Everything of a union of plain objects."""
    return " ".join(f"... on {one.name} {{ {' '.join(one.fields)} }}" for one in kind.types)


def _fields(kind: GraphQLObjectType, depth: int, first: int) -> Iterator[str]:
    yield "__typename"
    # A page's parts are no relations of their own.
    wraps = kind.name.endswith(("Connection", "Payload"))
    asked = set[str]()
    for name, field in kind.fields.items():
        below = get_named_type(field.type)
        if is_leaf_type(below):
            yield name
        elif below is kind:  # what its rows have is asked of it already
            yield f"{name} {{ id }}"
        elif depth > 0 or wraps:
            given = f"(first: {first})" if "first" in field.args else ""
            # Of several rows of a type in one payload the first tells all.
            left = 0 if wraps and below.name in asked else depth - (not wraps)
            asked.add(below.name)
            yield f"{name}{given} {selection(below, left, first)}"
