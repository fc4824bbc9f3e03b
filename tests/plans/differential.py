"""Two engines beside each other: one reads by plans, the other leaves all to graphql-core."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from graphql_schema.core.context import Context, Ports
from graphql_schema.core.engine import Engine, Response
from graphql_schema.core.errors import Refused
from graphql_schema.core.gate import Gate
from graphql_schema.core.limits import Limits
from graphql_schema.plans.planner import Planner
from graphql_schema.schema import graphql_core_schema
from models.errors import Unavailable
from models.ports import Database
from models.viewer import Viewer


@dataclass
class Both:
    """The engines over the same schema, limits and ports."""

    ports: Ports
    left: Counter[str] = field(default_factory=Counter[str])
    planned: Engine = field(init=False)
    plain: Engine = field(init=False)

    def __post_init__(self) -> None:
        schema = graphql_core_schema()
        gate = Gate(schema, replace(Limits(), cost=10**6))
        planner = Planner(schema, lambda reason: self.left.update([reason]))
        self.planned = Engine(schema, limits=gate, planner=planner, time_limit=60)
        self.plain = Engine(schema, limits=gate, time_limit=60)

    async def answers(
        self, document: str, viewer: Viewer, variables: Mapping[str, Any] | None = None
    ) -> tuple[Answer, Answer]:
        """What the planned and what the plain engine answer."""
        given = variables or {}
        return (
            await self._answer(self.planned, document, viewer, given),
            await self._answer(self.plain, document, viewer, given),
        )

    async def _answer(
        self, engine: Engine, document: str, viewer: Viewer, variables: Mapping[str, Any]
    ) -> Answer:
        @asynccontextmanager
        async def opened() -> AsyncGenerator[Context, None]:
            context = Context(viewer, self.ports, "request", self.ports.database)
            yield context
            context.close()

        try:
            prepared = engine.prepare(document)
        except Refused as refused:
            return Answer(b"", _set(refused.errors))
        response = await engine.execute(prepared, variables, opened, request_id="request")
        return Answer.of(response)

    def failing(self, table: str) -> Both:
        """The same, where every statement that reads a table fails."""
        database: Any = Failing(self.ports.database, table)
        return Both(replace(self.ports, database=database))


@dataclass(frozen=True)
class Answer:
    """A response to compare: the bytes of its data and the set of its errors."""

    data: bytes
    errors: frozenset[str]

    @classmethod
    def of(cls, response: Response) -> Answer:
        data = orjson.dumps(response["data"]) if "data" in response else b""
        return cls(data, _set(response.get("errors", [])))

    def same_as(self, other: Answer) -> bool:
        """Whether both are right answers to one document.

        Once null has reached the root, the rest is called off: which other errors were met by
        then is a matter of luck, also between two runs of graphql-core.
        """
        if self.data == other.data == b"null":
            return bool(self.errors & other.errors)
        return self == other


def _set(errors: Sequence[Any]) -> frozenset[str]:
    return frozenset(json.dumps(error, sort_keys=True) for error in errors)


class Failing:
    """A database from which one table can't be read."""

    def __init__(self, database: Database, table: str) -> None:
        self._database = database
        self._table = table

    async def fetch(self, query: str, *args: Any) -> Sequence[Mapping[str, Any]]:
        if f"FROM {self._table} t " in query:
            raise Unavailable("This table can't be read.")
        return await self._database.fetch(query, *args)
