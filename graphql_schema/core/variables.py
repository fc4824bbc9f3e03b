"""The variables of an operation: coerced as the specification says, plain ones without ado."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

import graphql
from graphql import (
    GRAPHQL_MAX_INT,
    GRAPHQL_MIN_INT,
    GraphQLDefaultInput,
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

from graphql_schema.core.errors import MAX_ERRORS, Refused, variable_error


class Declared(NamedTuple):
    """One variable. `accepts` tells the values of a built-in type that stay as they are."""

    name: str
    kind: Any
    may_be_left_out: bool
    accepts: Callable[[Any], bool] | None
    signature: GraphQLVariableSignature


class Variables:
    """The variables that one operation declares."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self._schema = schema
        self._nodes = operation.variable_definitions or ()
        self._declared = [_declared(schema, node) for node in self._nodes]

    def coerce(self, given: Mapping[str, Any]) -> VariableValues:
        """The values. Raises Refused with what is wrong with them, MAX_ERRORS at most."""
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        for one in self._declared:
            value = given.get(one.name, Undefined)
            sources[one.name] = VariableValueSource(one.signature, value)
            if value is Undefined and one.may_be_left_out:
                continue
            coerced[one.name] = found = _coerced(one, value)
            if found is Undefined:
                return self._by_the_book(given)
        return VariableValues(sources, coerced)

    def _by_the_book(self, given: Mapping[str, Any]) -> VariableValues:
        found = get_variable_values(self._schema, self._nodes, dict(given), max_errors=MAX_ERRORS)
        if isinstance(found, list):
            raise Refused([variable_error(error) for error in found])
        return found


def _coerced(one: Declared, value: Any) -> Any:
    """What the type makes of a value; Undefined where the book has to say more."""
    if value is Undefined or (one.accepts is not None and one.accepts(value)):
        return value
    return cast("Any", graphql).coerce_input_value(value, one.kind)


def _declared(schema: GraphQLSchema, node: VariableDefinitionNode) -> Declared:
    kind = cast("Any", graphql).type_from_ast(schema, node.type)
    name, required = node.variable.name.value, isinstance(kind, GraphQLNonNull)
    may_be_left_out = not required and node.default_value is None
    accepts = _ACCEPTS.get(str(kind).removesuffix("!"))
    default = node.default_value and GraphQLDefaultInput(literal=node.default_value)
    signature = GraphQLVariableSignature(name, kind, default)
    return Declared(name, kind, may_be_left_out, accepts, signature)


def _is_text(value: Any) -> bool:
    return type(value) is str


def _is_int(value: Any) -> bool:
    return type(value) is int and GRAPHQL_MIN_INT <= value <= GRAPHQL_MAX_INT


def _is_boolean(value: Any) -> bool:
    return type(value) is bool


_ACCEPTS = {"ID": _is_text, "String": _is_text, "Int": _is_int, "Boolean": _is_boolean}
