"""A small schema, a fake of Contexts and a server on loopback for the endpoint's tests."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp
from aiohttp import web
from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    build_schema,
    parse,
    validate,
)

from app.config import Settings
from app.endpoint import RUNNER_OPTIONS
from app.graphql import graphql_server
from app.sockets import Sockets
from graphql_schema.core.engine import Engine
from models.errors import Conflict, NotFound, TooCostly, Unauthenticated, Unavailable

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
    user_id: str | None = None
    expires_at: datetime | None = None


@dataclass
class World:
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
    viewers: dict[str, Viewer] = field(default_factory=dict)
    sockets: Sockets = field(default_factory=lambda: Sockets(per_user=1))
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

    def operation_finished(
        self, kind: str, name: str | None, seconds: float, codes: list[str]
    ) -> None:
        assert seconds >= 0
        self.observed.append((kind, name, codes))


@dataclass
class Context:
    world: World
    viewer: Viewer
    number: int


class FakeContexts:
    """Knows the tokens of World.viewers; 'down' and 'hang' play a database in trouble."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def authenticate(
        self, headers: Mapping[str, str], connection_params: Mapping[str, Any] | None
    ) -> Viewer:
        token = headers.get("Authorization")
        if token is None:
            return Viewer()
        if token == "Bearer down":
            raise Unavailable("Down for now.", retry_after=2)
        if token == "Bearer hang":
            await asyncio.sleep(60)
        if token == "Bearer defect":
            raise KeyError(token)
        viewer = self.world.viewers.get(token.removeprefix("Bearer "))
        if viewer is None or not token.startswith("Bearer "):
            raise Unauthenticated("The token does not hold.")
        return viewer

    @asynccontextmanager
    async def operation(self, viewer: Viewer, request_id: str) -> AsyncIterator[Context]:
        self.world.opened += 1
        self.world.request_ids.append(request_id)
        try:
            yield Context(self.world, viewer, self.world.opened)
        finally:
            self.world.closed += 1


@dataclass
class Measure:
    fields: int

    def as_dict(self) -> dict[str, int]:
        return {"fields": self.fields}


@dataclass
class Meter:
    fields: int

    def measure(self, variables: Mapping[str, object]) -> Measure:
        if variables.get("first") == 1_000:
            raise TooCostly("Too many rows.")
        return Measure(self.fields)


class Limits:
    """Refuses many braces, a field called `expensive` and a variable `first` of 1,000."""

    def __init__(self, checked: GraphQLSchema) -> None:
        self.schema = checked
        self.parsed = 0

    def parse(self, source: str) -> DocumentNode:
        self.parsed += 1
        if source.count("{") > 50:
            raise TooCostly("Too deep.")
        return parse(source)

    def meter(self, document: DocumentNode, operation: OperationDefinitionNode) -> Meter:
        fields = operation.selection_set.selections
        if any(field.name.value == "expensive" for field in fields):
            raise TooCostly("Too expensive.")
        return Meter(len(fields))

    def validate(self, document: DocumentNode) -> list[GraphQLError]:
        return validate(self.schema, document, max_errors=20)


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


@asynccontextmanager
async def running(**settings: Any) -> AsyncIterator[World]:
    """A server on a free port of loopback, with these settings."""
    world = World()
    world.viewers["ann"] = Viewer("usr_ann")
    configured = Settings(**settings)
    checked = schema()
    engine = Engine(checked, limits=Limits(checked), time_limit=configured.request_timeout)
    server = graphql_server(configured, engine, FakeContexts(world), world)
    world.sockets = server.sockets
    app = web.Application()
    server.add_to(app)
    runner = web.AppRunner(app, **RUNNER_OPTIONS, shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        world.port = runner.addresses[0][1]
        world.url = f"http://127.0.0.1:{world.port}/graphql"
        yield world
    finally:
        await runner.cleanup()


@asynccontextmanager
async def client(**settings: Any) -> AsyncIterator[tuple[aiohttp.ClientSession, World]]:
    """The same with an HTTP client."""
    async with running(**settings) as world, aiohttp.ClientSession() as session:
        yield session, world


async def until(condition: Any, seconds: float = 5.0) -> None:
    """Wait until the condition holds; fails when it does not in time."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - looks at many kinds of state
            await asyncio.sleep(0.005)
