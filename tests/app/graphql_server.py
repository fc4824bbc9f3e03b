"""The endpoint over a small schema, with fakes of what it is given, on loopback."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
from aiohttp import web
from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    parse,
    validate,
)

from app.callers import Caller
from app.config import Settings
from app.endpoint import RUNNER_OPTIONS
from app.graphql import GraphQLServer, graphql_server, limits_of
from app.tally import Tally
from graphql_schema.core.engine import Engine
from models.errors import TooCostly, Unauthenticated, Unavailable
from tests.app.small_schema import Context, Viewer, World, schema


class FakeContexts:
    """Knows the tokens of World.viewers; 'down' and 'hang' play a database in trouble."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def authenticate(self, caller: Caller) -> Viewer:
        token = caller.headers.get("Authorization")
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
    async def operation(
        self, viewer: Viewer, caller: Caller, request_id: str, tally: Tally
    ) -> AsyncIterator[Context]:
        self.world.opened += 1
        self.world.request_ids.append(request_id)
        try:
            yield Context(self.world, viewer, self.world.opened)
        finally:
            self.world.closed += 1


@dataclass
class Measure:
    fields: int

    @property
    def cost(self) -> int:
        return self.fields

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


def assembled(
    world: World,
    settings: Settings,
    *,
    keep_alive: float = 12.0,
    write_timeout: float = 10.0,
    socket_limits: Mapping[str, float] | None = None,
) -> GraphQLServer:
    """The endpoint over the small schema; the rest is what settings do not tell."""
    checked = schema()
    engine = Engine(checked, limits=Limits(checked), time_limit=settings.request_timeout)
    world.checked = lambda: engine.checked
    return graphql_server(
        settings,
        engine,
        FakeContexts(world),
        world,
        keep_alive=keep_alive,
        write_timeout=write_timeout,
        limits=replace(limits_of(settings), **(socket_limits or {})),
    )


PATIENCE = aiohttp.ClientTimeout(total=10)

OWN = ("keep_alive", "write_timeout", "socket_limits")


@asynccontextmanager
async def running(**options: Any) -> AsyncIterator[World]:
    """A server on a free port of loopback, with these settings and options of `assembled`."""
    world = World()
    world.viewers["ann"] = Viewer("usr_ann")
    own = {name: options.pop(name) for name in OWN if name in options}
    server = assembled(world, Settings(**options), **own)
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
async def client(**options: Any) -> AsyncIterator[tuple[aiohttp.ClientSession, World]]:
    """The same with an HTTP client."""
    async with running(**options) as world, aiohttp.ClientSession(timeout=PATIENCE) as session:
        yield session, world


async def until(condition: Any, seconds: float = 5.0) -> None:
    """Wait until the condition holds; fails when it does not in time."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)
