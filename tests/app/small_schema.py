"""A small schema and what its resolvers note down."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from graphql import GraphQLResolveInfo, GraphQLSchema, build_schema

from app.observing import Finished, Observer
from app.sockets import Sockets
from graphql_schema.core.persisted import Outcome
from models.errors import Conflict, NotFound

SDL = """
scalar JSON
enum Color { RED GREEN }
input Place @oneOf { x: Int y: Int }
type Item { name: String! broken: String! }
type Query {
  hello(name: String): String!
  viewer: String!
  context: Int!
  number(value: Int): Int
  color(value: Color): String
  place(at: Place!): Int
  echo(value: JSON): JSON
  broken: String
  strictlyBroken: String!
  tooLarge: Int
  conflict: String
  lost: String
  late: String
  slow(seconds: Float!): String
  big(length: Int!): String
  depth(levels: Int!): JSON
  items: [Item!]
}
type Mutation { add(value: Int!): Int! }
type Subscription {
  count(to: Int!, delay: Float! = 0): Int!
  context(events: Int!): Int!
  endless: Int!
  flood(length: Int!): String!
  failsAfter(events: Int!): Int!
  refused: Int!
}
"""


@dataclass
class Viewer:
    kind = "user"
    operates = False
    user_id: str | None = None
    expires_at: datetime | None = None

    @property
    def session_id(self) -> str | None:
        """None of these comes with a session."""
        return None

    @property
    def rests_on(self) -> tuple[str | None, ...]:
        return (self.user_id,)


@dataclass
class World(Observer):
    """What the resolvers saw and the fakes gave."""

    opened: int = 0
    closed: int = 0
    running: int = 0
    cancelled: int = 0
    total: int = 0
    started: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    request_ids: list[str] = field(default_factory=list)
    observed: list[tuple[str, str | None, list[str]]] = field(default_factory=list)
    named: list[Outcome] = field(default_factory=list)
    viewers: dict[str, Viewer] = field(default_factory=dict)
    sockets: Sockets = field(default_factory=lambda: Sockets(per_user=1))
    checked: Callable[[], int] = lambda: 0
    """How many documents were parsed and validated."""
    url: str = ""
    port: int = 0

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Count what runs, and notice its being cancelled."""
        self.running += 1
        self.started.set()
        try:
            yield
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled += 1
            raise
        finally:
            self.running -= 1
            self.stopped.set()

    def operation_finished(self, done: Finished) -> None:
        assert done.seconds >= 0
        self.observed.append((done.kind, done.name, done.codes))

    def document_named(self, outcome: Outcome) -> None:
        self.named.append(outcome)


@dataclass
class Context:
    world: World
    viewer: Viewer
    number: int


def world_of(info: GraphQLResolveInfo) -> World:
    return info.context.world


async def slow(_root: object, info: GraphQLResolveInfo, seconds: float) -> str:
    async with world_of(info).held():
        await asyncio.sleep(seconds)
    return "done"


async def late(_root: object, _info: GraphQLResolveInfo) -> str:
    raise TimeoutError


def failing(error: Exception) -> Any:
    async def resolve(_root: object, _info: GraphQLResolveInfo) -> str:
        raise error

    return resolve


def nested(_root: object, _info: GraphQLResolveInfo, levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


async def add(_root: object, info: GraphQLResolveInfo, value: int) -> int:
    world_of(info).total += value
    return world_of(info).total


async def count(
    _root: object, info: GraphQLResolveInfo, to: int, delay: float
) -> AsyncGenerator[int, None]:
    async with world_of(info).held():
        for number in range(to):
            await asyncio.sleep(delay)
            yield number


async def endless(_root: object, info: GraphQLResolveInfo) -> AsyncGenerator[int, None]:
    async with world_of(info).held():
        yield 0
        await asyncio.sleep(60)


async def flood(_root: object, info: GraphQLResolveInfo, length: int) -> AsyncGenerator[str, None]:
    async with world_of(info).held():
        while True:
            yield "x" * length


async def fails_after(
    _root: object, _info: GraphQLResolveInfo, events: int
) -> AsyncGenerator[int, None]:
    for number in range(events):
        yield number
    raise Conflict("Over.")


async def events_of(
    _root: object, _info: GraphQLResolveInfo, events: int
) -> AsyncGenerator[int, None]:
    for number in range(events):
        yield number


async def refused_source(_root: object, _info: GraphQLResolveInfo) -> AsyncGenerator[int, None]:
    raise NotFound("No such thing.")


QUERIES: dict[str, Any] = {
    "hello": lambda _root, _info, name=None: f"hello {name or 'world'}",
    "viewer": lambda _root, info: info.context.viewer.user_id or "nobody",
    "context": lambda _root, info: info.context.number,
    "number": lambda _root, _info, value=None: value,
    "color": lambda _root, _info, value=None: value,
    "place": lambda _root, _info, at: at.get("x"),
    "echo": lambda _root, _info, value=None: value,
    "broken": failing(KeyError("secret")),
    "strictlyBroken": failing(KeyError("secret")),
    "tooLarge": lambda _root, _info: 2**40,
    "conflict": failing(Conflict("Not now.", field="input.to", retry_after=1.2)),
    "lost": failing(ConnectionRefusedError("secret")),
    "late": late,
    "slow": slow,
    "big": lambda _root, _info, length: "x" * length,
    "depth": nested,
    "items": lambda _root, _info: [{"name": "a", "broken": None}, {"name": "b", "broken": None}],
}

SUBSCRIPTIONS: dict[str, Any] = {
    "count": count,
    "context": events_of,
    "endless": endless,
    "flood": flood,
    "failsAfter": fails_after,
    "refused": refused_source,
}


def schema() -> GraphQLSchema:
    built = build_schema(SDL)
    assert built.query_type is not None
    assert built.mutation_type is not None
    assert built.subscription_type is not None
    for name, resolve in QUERIES.items():
        built.query_type.fields[name].resolve = resolve
    built.mutation_type.fields["add"].resolve = add
    for name, subscribe in SUBSCRIPTIONS.items():
        built.subscription_type.fields[name].subscribe = subscribe
        built.subscription_type.fields[name].resolve = lambda event, _info, **_args: event
    built.subscription_type.fields["context"].resolve = lambda _event, info, **_args: (
        info.context.number
    )
    return built
