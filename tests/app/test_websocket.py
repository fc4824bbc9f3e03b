"""graphql-transport-ws, on real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import WSMsgType

from tests.app.graphql_server import Viewer, World, client, running, until

PROTOCOL = "graphql-transport-ws"


class Client:
    """The other side of a socket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, world: World) -> None:
        self.socket = socket
        self.world = world

    async def send(self, kind: str, **more: Any) -> None:
        await self.socket.send_str(orjson.dumps({"type": kind, **more}).decode())

    async def receive(self) -> dict[str, Any]:
        return orjson.loads(await self.socket.receive_str(timeout=5))

    async def init(self, payload: Any = None) -> None:
        await self.send("connection_init", payload=payload)
        assert await self.receive() == {"type": "connection_ack"}

    async def subscribe(self, name: str, query: str, **more: Any) -> None:
        await self.send("subscribe", id=name, payload={"query": query, **more})

    async def closed(self) -> tuple[int, str]:
        """The code and reason of the close that comes next; what is before it is skipped."""
        while True:
            frame = await self.socket.receive(timeout=5)
            if frame.type is WSMsgType.CLOSE:
                return frame.data, frame.extra
            assert frame.type is WSMsgType.TEXT, frame


@asynccontextmanager
async def connected(**settings: Any) -> AsyncIterator[Client]:
    """A socket before its connection_init."""
    async with client(**settings) as (session, world):
        async with session.ws_connect(world.url, protocols=[PROTOCOL], autoclose=False) as socket:
            yield Client(socket, world)


async def test_a_subscription_runs_to_its_end() -> None:
    async with connected() as ann:
        await ann.init()
        await ann.subscribe("1", "subscription { count(to: 2) }")
        assert [await ann.receive() for _ in range(3)] == [
            {"type": "next", "id": "1", "payload": {"data": {"count": 0}}},
            {"type": "next", "id": "1", "payload": {"data": {"count": 1}}},
            {"type": "complete", "id": "1"},
        ]
        assert ann.socket.protocol == PROTOCOL
        assert ann.socket.compress == 0
    assert ann.world.opened == ann.world.closed == 3
