"""What can go wrong below both engines alike, so that their errors can be compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any
from zlib import crc32

from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema

from graphql_schema.core.computing import Computed
from graphql_schema.schema import schema
from models.errors import Invalid, Unavailable
from models.ports import Database

TIMES = ("created_at", "updated_at")


def unlucky(id: Any) -> bool:
    """Whether a row is one of the third to which things happen."""
    return crc32(str(id).encode()) % 3 == 0


class Failing:
    """A database from which one table can't be read."""

    def __init__(self, database: Database, table: str) -> None:
        self._database = database
        self._table = table

    async def fetch(self, query: str, *args: Any) -> Sequence[Mapping[str, Any]]:
        if f"FROM {self._table} t " in query:
            raise Unavailable("This table can't be read.")
        return await self._database.fetch(query, *args)


class Torn:
    """A database that holds no times where the unlucky rows should have theirs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def fetch(self, query: str, *args: Any) -> Sequence[Mapping[str, Any]]:
        return [_torn(row) for row in await self._database.fetch(query, *args)]


def _torn(row: Mapping[str, Any]) -> Mapping[str, Any]:
    if not unlucky(row["id"]):
        return row
    return {name: "no time" if name in TIMES else value for name, value in row.items()}


def broken_schema() -> GraphQLSchema:
    """A schema of its own, some of whose resolvers and computed fields raise."""
    made = schema.__wrapped__()._schema  # noqa: SLF001 - as graphql_core_schema, which keeps one
    query, run, grant = (made.type_map[name] for name in ("Query", "AgentRun", "OAuthGrant"))
    assert isinstance(query, GraphQLObjectType)
    assert isinstance(run, GraphQLObjectType)
    assert isinstance(grant, GraphQLObjectType)
    for name in ("node", "nodes"):
        _resolve(query.fields[name], _choosy)
    _resolve(query.fields["models"], lambda _: _nothing)
    _recompute(run.fields["phase"], _phases)
    _recompute(grant.fields["hasAccessToken"], _refusing)
    return made


def _resolve(field: GraphQLField, change: Callable[[Any], Any]) -> None:
    """Change a resolver, as graphql-core and as plans call it."""
    definition = copy(field.extensions["strawberry-definition"])
    definition.base_resolver = copy(definition.base_resolver)
    definition.base_resolver.wrapped_func = change(definition.base_resolver.wrapped_func)
    field.extensions = {"strawberry-definition": definition}
    field.resolve = change(field.resolve)


def _choosy(resolve: Callable[..., Any]) -> Callable[..., Any]:
    def resolved(*of: Any, **given: Any) -> Any:
        if unlucky({name: given[name] for name in given.keys() & {"id", "ids"}}):
            raise Invalid("Not this one.")
        return resolve(*of, **given)

    return resolved


def _refusing(*_: Any, **_given: Any) -> Any:
    raise Invalid("Not now.")


def _nothing(*_: Any, **_given: Any) -> None:
    """What may not be: null where the schema says there is a list."""


def _phases(runs: Sequence[Any]) -> list[Any]:
    """The phases of runs, but for those that wait."""
    if any(run.status.value == "PENDING" for run in runs):
        raise RuntimeError("a defect")
    return [run.phase for run in runs]


def _recompute(field: GraphQLField, compute: Callable[[Sequence[Any]], Sequence[Any]]) -> None:
    """Give a computed field another function."""
    definition = field.extensions["strawberry-definition"]
    relation: Computed = replace(definition.metadata["relation"], compute=compute)
    field.extensions = {"strawberry-definition": _Defined(relation)}
    field.resolve = lambda root, _info: compute([root])[0]


class _Defined:
    """As much of a field's definition as the compiler looks at."""

    is_basic_field = False

    def __init__(self, relation: Computed) -> None:
        self.metadata = {"relation": relation}
