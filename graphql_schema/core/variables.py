"""The variables of an operation: coerced as the specification says, plain ones without ado."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

import graphql
from graphql import (
    GraphQLError,
    GraphQLNonNull,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    VariableDefinitionNode,
    VariableValues,
    get_variable_values,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature
from graphql.execution.values import VariableValueSource

from graphql_schema.core.errors import MAX_ERRORS

INT32 = 2**31


class Plain(NamedTuple):
    """A variable of a built-in type; `accepts` a value that is what it is coerced to."""

    name: str
    nullable: bool
    accepts: Callable[[Any], bool]
    signature: GraphQLVariableSignature


class Variables:
    """The variables that one operation declares."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self._schema = schema
        self._declared = operation.variable_definitions or ()
        plain = [_plain(schema, node) for node in self._declared]
        self._plain = None if None in plain else [one for one in plain if one is not None]

    def coerce(self, given: Mapping[str, Any]) -> VariableValues | list[GraphQLError]:
        """The values, or what is wrong with them, MAX_ERRORS at most."""
        found = None if self._plain is None else _taken(self._plain, given)
        if found is not None:
            return found
        return get_variable_values(self._schema, self._declared, dict(given), max_errors=MAX_ERRORS)


def _taken(plain: list[Plain], given: Mapping[str, Any]) -> VariableValues | None:
    """The values as they are; None when one of them is not what its type makes of it."""
    sources: dict[str, VariableValueSource] = {}
    coerced: dict[str, Any] = {}
    for one in plain:
        value = given.get(one.name, Undefined)
        if value is None or value is Undefined:
            if not one.nullable:
                return None
        elif not one.accepts(value):
            return None
        sources[one.name] = VariableValueSource(one.signature, value)
        if value is not Undefined:
            coerced[one.name] = value
    return VariableValues(sources, coerced)


def _plain(schema: GraphQLSchema, node: VariableDefinitionNode) -> Plain | None:
    kind = cast("Any", graphql).type_from_ast(schema, node.type)
    nullable = not isinstance(kind, GraphQLNonNull)
    accepts = _ACCEPTS.get(str(kind).removesuffix("!"))
    if accepts is None or node.default_value is not None:
        return None
    name = node.variable.name.value
    return Plain(name, nullable, accepts, GraphQLVariableSignature(name, kind, None))


def _is_text(value: Any) -> bool:
    return type(value) is str


def _is_int(value: Any) -> bool:
    return type(value) is int and -INT32 <= value < INT32


def _is_boolean(value: Any) -> bool:
    return type(value) is bool


_ACCEPTS = {"ID": _is_text, "String": _is_text, "Int": _is_int, "Boolean": _is_boolean}
