"""The schema: every Query, Mutation and Subscription that the packages define, joined."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, cast

import strawberry
from graphql import GraphQLInputObjectType, GraphQLObjectType, GraphQLSchema
from strawberry.schema.config import StrawberryConfig

from graphql_schema.core.enums import describe
from graphql_schema.core.node import NodeQueries
from graphql_schema.core.record_type import MODELS, bind_all, definition_of
from graphql_schema.core.scalars import SCALARS
from models.errors import ErrorCode
from models.packages import walk

ROOTS = ("Query", "Mutation", "Subscription")


@cache
def schema() -> strawberry.Schema:
    """The one schema of the process."""
    bind_all()
    _describe_errors()
    query, mutation, subscription = (_joined(name) for name in ROOTS)
    _describe_inputs(mutation)
    made = strawberry.Schema(
        query,
        mutation,
        subscription,
        types=[*MODELS, cast("Any", ErrorCode)],
        config=StrawberryConfig(scalar_map=SCALARS),
    )
    _mark_one_ofs(made)
    _read_attributes(made)
    return made


def graphql_core_schema() -> GraphQLSchema:
    """The same schema for graphql-core, which executes it."""
    return schema()._schema  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - no public way


def sdl() -> str:
    """The schema in the schema definition language, as `schema.graphql` holds it."""
    return schema().as_str() + "\n"


def _mark_one_ofs(made: strawberry.Schema) -> None:
    """Let graphql-core check these: it says where the value is, and introspection shows it."""
    for kind in made._schema.type_map.values():  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - no public way
        if isinstance(kind, GraphQLInputObjectType):
            definition = kind.extensions["strawberry-definition"]
            kind.is_one_of = bool(definition.is_one_of)


def _read_attributes(made: strawberry.Schema) -> None:
    """Let fields without a resolver just read their attribute, not by five calls of each other."""
    for kind in made._schema.type_map.values():  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - no public way
        if isinstance(kind, GraphQLObjectType):
            for field in kind.fields.values():
                definition = field.extensions.get("strawberry-definition")
                if definition is not None and definition.is_basic_field:
                    field.resolve = _attribute(definition.python_name)


def _attribute(name: str) -> Callable[..., Any]:
    def read(source: Any, _info: Any) -> Any:
        return getattr(source, name)

    return read


def _joined(name: str) -> type:
    modules = walk("graphql_schema")
    found = [vars(module)[name] for module in modules if name in vars(module)]
    bases = (*found, NodeQueries) if name == "Query" else tuple(found)
    description = {
        "Query": "What can be read.",
        "Mutation": "What can be done; each takes one input and gives a payload.",
        "Subscription": "What can be heard of, as it is committed.",
    }[name]
    return strawberry.type(type(name, bases, {}), description=description)


def _describe_inputs(mutation: type) -> None:
    for field in definition_of(mutation).fields:
        for argument in field.arguments:
            argument.description = "What to do, and with what."


def _describe_errors() -> None:
    texts = {
        "BAD_REQUEST": "The request is not well formed.",
        "CONFLICT": "The row's state does not allow it, or someone else was first.",
        "FORBIDDEN": "The viewer may not do this.",
        "INTERNAL": "Something went wrong here; the request's id is in the log.",
        "INVALID": "A value does not fit; `field` names it.",
        "NOT_CONNECTED": "An outside service must be connected first, or anew.",
        "NOT_FOUND": "There is no such thing, or none for the viewer.",
        "OUT_OF_CREDITS": "Too few credits are left; `resetsAt` says until when.",
        "OVER_BUDGET": "It would go over the budget of a month.",
        "PARSE_FAILED": "The document is not GraphQL.",
        "PERSISTED_QUERY_NOT_FOUND": "No document is known by this hash: send its text as well.",
        "PERSISTED_QUERY_NOT_SUPPORTED": "No hashes are taken: send the text alone.",
        "RATE_LIMITED": "Too many requests; `retryAfter` says when to come back.",
        "TIMEOUT": "It took too long.",
        "TOO_COSTLY": "The operation asks for too much.",
        "TOO_LARGE": "The body is too large.",
        "UNAUTHENTICATED": "Sign in first, or the token does not hold.",
        "UNAVAILABLE": "Something is down; try again after `retryAfter` seconds.",
        "VALIDATION_FAILED": "The document does not fit the schema.",
    }
    describe(ErrorCode, "The `code` in an error's extensions.", **texts)
