"""Many subscribers, each to a running message: what one delivered event costs, and how late it is.

An event is late by the time from before it is stored (or, by the bare server, sent) until its
subscriber has it; the subscribers live in this process and read little of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic_ns
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse, TCPConnector, WSMsgType

from app.auth import Authenticator
from bench.feed import PADDING, STAMP, Feed
from bench.generate import Running, subject
from bench.processes import Process, started

QUERY = """subscription Text($id: ID!) {
  messageStreamed(messageId: $id) { part kind text cursor reset } }"""
AT_ONCE = 20  # sockets that are being opened
SETTLE = 0.5  # seconds for the last events to arrive
OPEN_WITHIN = 60.0  # seconds until every subscriber has had its first event

Work = Callable[[], Coroutine[Any, Any, None]]
Introduce = Callable[[ClientWebSocketResponse, int], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Load:
    """Events per second to all subscribers together, and for how many seconds."""

    rate: int
    seconds: float


@dataclass(slots=True)
class Delivery:
    """Events delivered to all subscribers: seconds of CPU, and how late each was, in seconds."""

    subscribers: int
    rate: int
    memory: int = 0
    cpu: float = 0.0
    delays: list[float] = field(default_factory=list[float])
    frame: str = ""

    def receive(self, frame: str) -> None:
        """Take note of an event."""
        stamp = frame.find(PADDING)
        if stamp >= 0:
            self.delays.append((monotonic_ns() - int(frame[stamp - STAMP : stamp])) / 1e9)
            self.frame = self.frame or frame


async def ours(
    server: Process, url: str, answers: Sequence[Running], tokens: Authenticator, load: Load
) -> Delivery:
    """Measure Punnet with a subscriber for each of the answers."""

    async def introduce(socket: ClientWebSocketResponse, number: int) -> None:
        await _subscribe(socket, answers[number], tokens)

    async with Feed.to(url, answers) as feed:

        async def reached() -> None:
            await feed.write(len(answers))

        async def work() -> None:
            await feed.run(load.rate, load.seconds)

        return await _measured(server, Delivery(len(answers), load.rate), introduce, reached, work)


async def bare(folder: Path, url: str, frame: str, sockets: int, load: Load) -> Delivery:
    """Measure the bare server with as many sockets, sending `frame`."""

    async def nothing(_socket: ClientWebSocketResponse, _number: int) -> None:
        """There is nobody to be introduced to."""

    with started(folder, url, "bench.bare_sockets", frame, str(load.rate)) as serving:
        server = serving()
        async with ClientSession(f"http://{server.host}:{server.port}") as session:

            async def reached() -> None:
                await session.get("/once")

            async def work() -> None:
                await session.get("/start")
                await asyncio.sleep(load.seconds)
                await session.get("/stop")

            return await _measured(server, Delivery(sockets, load.rate), nothing, reached, work)


async def _measured(
    server: Process, delivery: Delivery, introduce: Introduce, reached: Work, work: Work
) -> Delivery:
    """Open the sockets, wait until `reached` has sent one event to each, then measure `work`."""
    async with _sockets(server, delivery.subscribers, introduce) as sockets:
        readers = [asyncio.create_task(_read(socket, delivery)) for socket in sockets]
        await reached()
        async with asyncio.timeout(OPEN_WITHIN):
            while len(delivery.delays) < len(sockets):
                await asyncio.sleep(SETTLE)
        delivery.delays.clear()
        cpu = server.cpu()
        await work()
        await asyncio.sleep(SETTLE)
        delivery.cpu, delivery.memory = server.cpu() - cpu, server.memory()
        for reader in readers:
            reader.cancel()
    return delivery


@asynccontextmanager
async def _sockets(
    server: Process, count: int, introduce: Introduce
) -> AsyncGenerator[Sequence[ClientWebSocketResponse], None]:
    url = f"ws://{server.host}:{server.port}/graphql"
    places = asyncio.Semaphore(AT_ONCE)
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(ClientSession(connector=TCPConnector(limit=0)))

        async def opened(number: int) -> ClientWebSocketResponse:
            async with places:
                socket = await session.ws_connect(url, protocols=["graphql-transport-ws"])
                await introduce(socket, number)
            return socket

        yield await asyncio.gather(*(opened(number) for number in range(count)))


async def _subscribe(
    socket: ClientWebSocketResponse, answer: Running, tokens: Authenticator
) -> None:
    token = tokens.local.issue_dev_token(subject(answer.user))
    await socket.send_json(
        {"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}
    )
    await socket.receive_json()
    payload = {"query": QUERY, "variables": {"id": answer.message_id}}
    await socket.send_json({"type": "subscribe", "id": "1", "payload": payload})


async def _read(socket: ClientWebSocketResponse, delivery: Delivery) -> None:
    async for frame in socket:
        if frame.type is WSMsgType.TEXT:
            delivery.receive(frame.data)
