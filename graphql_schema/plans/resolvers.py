"""How a plan calls a root field's own resolver.

Strawberry finds out for each call how a coerced argument becomes what the resolver takes. Here
that is found out once, from the same declarations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING
from typing import Any, cast

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    is_leaf_type,
)

from graphql_schema.plans.collecting import NotTaken

Convert = Callable[[Any], Any]
Call = Callable[[Any, Mapping[str, Any]], Any]
"""Calls a resolver with the field's info and its coerced arguments."""


def caller(field: GraphQLField) -> Call:
    """What calls the resolver of a field. Raises NotTaken for one that asks for the unusual."""
    definition = field.extensions["strawberry-definition"]
    resolver = definition.base_resolver
    if definition.extensions or resolver is None or resolver.info_parameter is None:
        raise NotTaken("a resolver of a new kind")
    function, first = resolver.wrapped_func, (None,) * (resolver.self_parameter is not None)
    ready = {
        name: (argument.extensions["strawberry-definition"].python_name, convert(argument.type))
        for name, argument in cast("Any", field).args.items()
    }

    def call(info: Any, given: Mapping[str, Any]) -> Any:
        taken: dict[str, Any] = {}
        for name, value in given.items():
            python_name, made = ready[name]
            taken[python_name] = made(value)
        return function(*first, info=info, **taken)

    return call


def convert(kind: Any) -> Convert:
    """What makes a coerced value of an input type into what a resolver takes."""
    if isinstance(kind, GraphQLNonNull):
        return convert(cast("Any", kind).of_type)
    if isinstance(kind, GraphQLList):
        each = convert(cast("Any", kind).of_type)
        return lambda values: None if values is None else [each(value) for value in values]
    if isinstance(kind, GraphQLInputObjectType):
        return _object(kind)
    if not is_leaf_type(kind):
        raise NotTaken("an input of a new kind")
    return lambda value: value


def _object(kind: GraphQLInputObjectType) -> Convert:
    definition = kind.extensions["strawberry-definition"]
    if definition.from_input is not None:
        raise NotTaken("an input of a new kind")
    origin, made, empty = definition.origin, dict[str, tuple[str, Convert]](), dict[str, Any]()
    for name, field in cast("Any", kind).fields.items():
        declared = field.extensions["strawberry-definition"]
        made[name] = (declared.python_name, convert(field.type))
        if declared.default is MISSING and declared.default_factory is MISSING:
            empty[declared.python_name] = None

    def build(values: Mapping[str, Any] | None) -> Any:
        if values is None:
            return None
        found = empty.copy()
        for name, value in values.items():
            python_name, inner = made[name]
            found[python_name] = inner(value)
        return origin(**found)

    return build
