"""How the value of a column becomes JSON, by the type that the schema gives it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import orjson
from graphql import (
    GRAPHQL_MAX_INT,
    GRAPHQL_MIN_INT,
    GraphQLEnumType,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    is_leaf_type,
)

from graphql_schema.core.scalars import UTC_TIME
from graphql_schema.plans.collecting import NotTaken
from models import fields

Show = Callable[[Any], Any]


def show_of(kind: GraphQLScalarType | GraphQLEnumType, column: fields.Column) -> Show | str | None:
    """What makes JSON of a value that is not null, a function or an expression with a place for
    it; None where it is JSON already."""
    if isinstance(column, fields.ChoiceColumn) and isinstance(kind, GraphQLEnumType):
        names = {choice.value: kind.serialize(choice) for choice in column.choices}
        return names.__getitem__
    if isinstance(column, fields.JsonColumn):
        return _fragment if column.opaque else kind.serialize
    if isinstance(column, fields.TimeColumn) and kind.name == "DateTime":
        return UTC_TIME
    if _is_json(kind.name, column):
        return None
    return kind.serialize


def show_field(field: GraphQLField, column: fields.Column) -> Show | str | None:
    """What makes JSON of a column's values; of a list's where they are decoded.

    Raises NotTaken for any other list.
    """
    kind = _nullable(type_of(field))
    if not isinstance(kind, GraphQLList):
        return show_of(leaf(field), column)
    item = _nullable(cast("Any", kind).of_type)
    if not is_leaf_type(item) or not isinstance(column, fields.JsonColumn) or column.opaque:
        raise NotTaken("a list of values")
    return show_list_of(item)


def leaf(field: GraphQLField) -> GraphQLScalarType | GraphQLEnumType:
    """The type of a field that is one value. Raises NotTaken for a list."""
    kind = _nullable(type_of(field))
    if not is_leaf_type(kind):
        raise NotTaken("a list of values")
    return kind


def type_of(field: GraphQLField) -> Any:
    """The type of a field; graphql-core leaves the parameter of its lists open."""
    return cast("Any", field).type


def _nullable(kind: Any) -> Any:
    return cast("Any", kind).of_type if isinstance(kind, GraphQLNonNull) else kind


def show_list_of(kind: GraphQLScalarType | GraphQLEnumType) -> Show:
    """What makes JSON of a list of values, none of them null."""
    return lambda values: [kind.serialize(value) for value in values]


def _is_json(name: str, column: fields.Column) -> bool:
    if isinstance(column, fields.TextColumn):
        return name in {"ID", "String"}
    if isinstance(column, fields.IntegerColumn):
        fits = column.least >= GRAPHQL_MIN_INT and column.most <= GRAPHQL_MAX_INT
        return name == "Int" and fits
    return isinstance(column, fields.BooleanColumn) and name == "Boolean"


def _fragment(value: Any) -> orjson.Fragment:
    return value if isinstance(value, orjson.Fragment) else orjson.Fragment(value)
