"""Punnet itself for tests: servers in this process on real sockets, and clients that say who asks.

- `server`: one running server with a worker, on this test's database.
- `start_server(url=…, clock=…, **settings)`: another one, on the same or another database.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Self

import pytest
from aiohttp import ClientSession, WSMsgType, web

from app.config import Settings
from app.migrations import migrate as migrate_database
from app.observing import Observer
from app.process import Services
from app.server import SERVICES, build, runner
from models.ports import Clock
from tests.harness.polar import PRODUCTS
from tests.harness.polar_shop import TOKEN, standing_shop
from tests.harness.postgres import Migrate

SECRET = "a secret that only the tests know, 32+"


class Refused(AssertionError):
    """An operation had errors where a test wanted data."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(errors)
        self.errors = errors

    @property
    def code(self) -> str:
        """The code of the first error."""
        return self.errors[0]["extensions"]["code"]


class Api:
    """One caller: a user with a token, or nobody."""

    def __init__(self, session: ClientSession, url: str, token: str | None) -> None:
        self.session = session
        self.url = f"{url}/graphql"
        self.token = token

    @property
    def headers(self) -> dict[str, str]:
        """What says who calls."""
        accept = {"Accept": "application/graphql-response+json"}
        return accept | ({"Authorization": f"Bearer {self.token}"} if self.token else {})

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The whole response."""
        body = {"query": query, "variables": variables}
        async with self.session.post(self.url, json=body, headers=self.headers) as response:
            return await response.json(content_type=None)

    async def run(self, query: str, **variables: Any) -> Any:
        """The data. Raises Refused for any error."""
        response = await self.ask(query, **variables)
        if response.get("errors"):
            raise Refused(response["errors"])
        return response["data"]

    async def do(self, mutation: str, selection: str, **values: Any) -> Any:
        """The payload of `mutation(input: …)`. Raises Refused."""
        name = mutation[0].upper() + mutation[1:]
        query = f"mutation($input: {name}Input!) {{ it: {mutation}(input: $input) {selection} }}"
        return (await self.run(query, input=values))["it"]

    async def code(self, query: str, **variables: Any) -> str:
        """The code of the first error of an operation that is refused."""
        response = await self.ask(query, **variables)
        assert response.get("errors"), response
        return response["errors"][0]["extensions"]["code"]

    @asynccontextmanager
    async def listen(self, query: str, **variables: Any) -> AsyncIterator[Events]:
        """A subscription over a WebSocket of its own."""
        async with self.session.ws_connect(self.url, protocols=["graphql-transport-ws"]) as socket:
            token = {"authorization": f"Bearer {self.token}"} if self.token else {}
            await socket.send_json({"type": "connection_init", "payload": token})
            assert (await socket.receive_json())["type"] == "connection_ack"
            payload = {"query": query, "variables": variables}
            await socket.send_json({"type": "subscribe", "id": "1", "payload": payload})
            yield Events(socket)


class Events:
    """The events of one subscription; iteration ends when it completes."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        message = await self.message()
        if message["type"] == "complete":
            raise StopAsyncIteration
        if message["type"] == "error":
            raise Refused(message["payload"])
        if message["payload"].get("errors"):
            raise Refused(message["payload"]["errors"])
        (value,) = message["payload"]["data"].values()
        return value

    async def next(self, seconds: float = 10.0) -> Any:
        """The next event within a time."""
        async with asyncio.timeout(seconds):
            return await anext(self)

    async def revoked(self, seconds: float = 5.0) -> None:
        """Pass over what still comes, until the socket closes on who may not listen any more."""
        async with asyncio.timeout(seconds):
            while (frame := await self.socket.receive()).type is WSMsgType.TEXT:
                pass
        assert (frame.type, self.socket.close_code) == (WSMsgType.CLOSE, 4403)

    async def message(self) -> dict[str, Any]:
        """The next message of the protocol; answers pings."""
        while True:
            received = await self.socket.receive()
            assert received.type is WSMsgType.TEXT, received
            message = received.json()
            if message["type"] == "ping":
                await self.socket.send_json({"type": "pong"})
            elif message["type"] != "pong":
                return message


class Server:
    """A server that runs in this process."""

    def __init__(self, url: str, app: web.Application, session: ClientSession) -> None:
        self.url = url
        self.app = app
        self.session = session
        self.statements: list[tuple[str, Any]] = []
        self.expects_defects = False

    @property
    def services(self) -> Services:
        """What it runs on."""
        return self.app[SERVICES]

    def user(self, name: str = "ada") -> Api:
        """A signed-in caller; the user appears at the first request."""
        token = self.services.authenticator.local.issue_dev_token(name, name=name.title())
        return Api(self.session, self.url, token)

    def nobody(self) -> Api:
        """A signed-out caller."""
        return Api(self.session, self.url, None)

    async def sql(self, query: str, *args: Any) -> list[dict[str, Any]]:
        """Rows straight from the database, to check what is really there."""
        return [dict(row) for row in await self.services.database.fetch(query, *args)]


DEFECT = 'reason="a defect"'
"""Among the metrics where a plan raised what it should not: the answer is right all the same."""

StartServer = Callable[..., Awaitable[Server]]


@pytest.fixture(scope="session")
def migrate() -> Migrate:
    """Databases get Punnet's own tables."""
    return migrate_database


def settings_for_tests(**changed: Any) -> Settings:
    """Settings of a server in a test."""
    # A busy machine makes anything slow; what is noted then would be among the statements.
    given = {"dev": True, "secret": SECRET, "port": 0, "lease": 3.0, "slow_operation": 3_600}
    # Passwords are hashed for real, but in no time.
    given |= {"password_memory": 8, "password_rounds": 1}
    # What a test sends is neither limited nor costs anything, unless it says so.
    given |= {"daily_limits": False, "rate_limits": {"message": 0}, "cost_per_minute": 0}
    given |= {"polar_products": PRODUCTS, "polar_token": TOKEN, "polar_server": standing_shop()}
    given |= {"credits": False}
    return Settings(**(given | changed))


@pytest.fixture
def plans() -> bool:
    """Whether servers read by plans. Tests marked `both_paths` run once with and once without."""
    return True


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Have the marked tests run on both paths; `start_server` asks which."""
    marked = metafunc.definition.get_closest_marker("both_paths")
    if marked and "plans" in metafunc.fixturenames:
        metafunc.parametrize("plans", [True, False], ids=["plans", "fields"])


@pytest.fixture
async def start_server(database: str, plans: bool, tmp_path: Path) -> AsyncIterator[StartServer]:
    """Starts servers: `await start_server(worker=False)`, `await start_server(url=other)`."""
    async with AsyncExitStack() as stack:

        async def start(
            url: str = database,
            *,
            clock: Clock | None = None,
            observers: Sequence[Observer] = (),
            **settings: Any,
        ) -> Server:
            told = settings_for_tests(**({"data_dir": tmp_path / "data"} | settings))
            started = _running(url, told, clock, observers, plans)
            return await stack.enter_async_context(started)

        yield start


@asynccontextmanager
async def _running(
    url: str,
    settings: Settings,
    clock: Clock | None,
    observers: Sequence[Observer],
    plans: bool,
) -> AsyncIterator[Server]:
    statements: list[tuple[str, Any]] = []

    def observe(*seen: Any) -> None:
        statements.append(seen)

    app = build(settings, url, observe, clock, observers, plans=plans)
    running = runner(app)
    await running.setup()
    try:
        await web.TCPSite(running, "127.0.0.1", 0).start()
        host, port = running.addresses[0][:2]
        async with ClientSession() as session:
            server = Server(f"http://{host}:{port}", app, session)
            server.statements = statements
            yield server
            met = DEFECT in await _metrics(session, server.url)
            assert met == server.expects_defects, "see plan.failed in the log"
    finally:
        await running.cleanup()


async def _metrics(session: ClientSession, url: str) -> str:
    async with session.get(f"{url}/metrics") as response:
        return await response.text()


@pytest.fixture
async def server(start_server: StartServer) -> Server:
    """One server with a worker."""
    return await start_server()


_numbers = itertools.count(1)


def unique(word: str) -> str:
    """A word that no other test uses."""
    return f"{word}-{next(_numbers)}"
