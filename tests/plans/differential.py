"""Two engines beside each other: one reads by plans, the other leaves all to graphql-core."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from graphql import GraphQLSchema

from graphql_schema.core.context import Context, Ports
from graphql_schema.core.engine import Engine, Response
from graphql_schema.core.errors import Refused
from graphql_schema.core.gate import Gate
from graphql_schema.core.limits import Limits
from graphql_schema.plans.planner import Planner
from graphql_schema.schema import graphql_core_schema
from models.viewer import Viewer
from tests.plans.grammar import Asked

TIME_LIMIT = 60.0  # seconds for one answer, so that a run ends whatever is asked


@dataclass
class Both:
    """The engines over the same schema, limits and ports."""

    ports: Ports
    schema: GraphQLSchema = field(default_factory=graphql_core_schema)
    left: Counter[str] = field(default_factory=Counter[str])
    planned: Engine = field(init=False)
    plain: Engine = field(init=False)

    def __post_init__(self) -> None:
        gate = Gate(self.schema, replace(Limits(), cost=10**6))
        planner = Planner(self.schema, lambda reason: self.left.update([reason]))
        self.planned = Engine(self.schema, limits=gate, planner=planner, time_limit=TIME_LIMIT)
        self.plain = Engine(self.schema, limits=gate, time_limit=TIME_LIMIT)

    async def answers(
        self,
        document: str,
        viewer: Viewer,
        variables: Mapping[str, Any] | None = None,
        name: str | None = None,
    ) -> tuple[Answer, Answer]:
        """What the planned and what the plain engine answer."""
        asked = Asked(document, name, dict(variables or {}))
        return (
            await self.answer(self.planned, asked, viewer),
            await self.answer(self.plain, asked, viewer),
        )

    async def answer(self, engine: Engine, asked: Asked, viewer: Viewer) -> Answer:
        """What one of the engines, or another, answers."""

        @asynccontextmanager
        async def opened() -> AsyncGenerator[Context, None]:
            context = Context(viewer, self.ports, "request", self.ports.database)
            yield context
            context.close()

        try:
            prepared = engine.prepare(asked.document, asked.name)
        except Refused as refused:
            return Answer(b"", _set(refused.errors))
        response = await engine.execute(prepared, asked.variables, opened, request_id="request")
        return Answer.of(response)

    def over(self, database: Any) -> Both:
        """The same over another database."""
        return Both(replace(self.ports, database=database), self.schema)


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
