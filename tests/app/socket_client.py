"""The other side of a WebSocket, for tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson
from aiohttp import WSMsgType

from tests.app.graphql_server import client
from tests.app.small_schema import World

PROTOCOL = "graphql-transport-ws"


class Client:
    """A socket that speaks the protocol."""

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

    async def refusal(self) -> tuple[str, str]:
        """The id and the code of an error that comes next."""
        message = await self.receive()
        assert message["type"] == "error", message
        return message["id"], message["payload"][0]["extensions"]["code"]

    async def closed(self) -> tuple[int, str]:
        """The code and reason of the close; what comes before it is skipped."""
        while True:
            frame = await self.socket.receive(timeout=5)
            if frame.type is WSMsgType.CLOSE:
                return frame.data, frame.extra
            assert frame.type in {WSMsgType.TEXT, WSMsgType.PING}, frame

    async def still_works(self) -> None:
        """Fails unless the socket still answers."""
        await self.send("ping", payload={"still": "there"})
        assert await self.receive() == {"type": "pong", "payload": {"still": "there"}}


@asynccontextmanager
async def joined(
    world: World, session: aiohttp.ClientSession, **options: Any
) -> AsyncIterator[Client]:
    """One more socket on a running server, before its connection_init."""
    given = {"protocols": [PROTOCOL], "autoclose": False, **options}
    async with session.ws_connect(world.url, **given) as socket:
        yield Client(socket, world)


@asynccontextmanager
async def connected(**settings: Any) -> AsyncIterator[Client]:
    """A socket on a server of its own, before its connection_init."""
    async with client(**settings) as (session, world), joined(world, session) as found:
        yield found
