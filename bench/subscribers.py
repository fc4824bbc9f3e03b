"""Many subscribers to running messages: what one delivered event costs, and how late it is.

An event is late by the time from before it is stored (or, by the bare server, sent) until its
subscriber has it; the subscribers live in this process and read little of it. Both servers have
their sockets open at once and work in turns.
"""

from __future__ import annotations

import asyncio
import re
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
PASSING = re.compile(r'^punnet_text_passing_seconds_bucket\{le="([^"]+)"\} (\S+)$', re.MULTILINE)

Work = Callable[[], Coroutine[Any, Any, None]]
Introduce = Callable[[ClientWebSocketResponse, int], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Load:
    """Events per second to all subscribers together, for how many seconds, how many times."""

    rate: int
    seconds: float
    rounds: int = 1


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who subscribes: to an answer each, or all to the same one."""

    answers: Sequence[Running]
    shared: bool

    @property
    def followed(self) -> Sequence[Running]:
        """The answers that somebody subscribes to."""
        return self.answers[:1] if self.shared else self.answers

    def answer(self, number: int) -> Running:
        """What the subscriber of this number follows."""
        return self.answers[0] if self.shared else self.answers[number]


@dataclass(slots=True)
class Delivery:
    """Events delivered to all subscribers: how late each was in seconds, and for each round the
    seconds of CPU for one of them, with all that the server does besides."""

    subscribers: int
    shared: bool
    rate: int
    memory: int = 0
    costs: list[float] = field(default_factory=list[float])
    delays: list[float] = field(default_factory=list[float])
    passing: float = 0.0
    """Seconds within which 99 of 100 batches of text went from the bus to the sockets."""
    frame: str = ""

    def receive(self, frame: str) -> None:
        """Take note of an event."""
        stamp = frame.find(PADDING)
        if stamp >= 0:
            self.delays.append((monotonic_ns() - int(frame[stamp - STAMP : stamp])) / 1e9)
            self.frame = self.frame or frame


@dataclass(slots=True)
class Side:
    """A server whose sockets are open; `work` has it send for as long as a round takes."""

    server: Process
    delivery: Delivery
    work: Work

    async def round(self) -> None:
        """Have it send, and take note of what that costs."""
        delivery, ran = self.delivery, self.server.ran()
        before = len(delivery.delays)
        await self.work()
        await asyncio.sleep(SETTLE)
        delivery.costs.append((self.server.ran() - ran) / (len(delivery.delays) - before))
        delivery.memory = self.server.memory()


@asynccontextmanager
async def ours(
    server: Process, url: str, crowd: Crowd, tokens: Authenticator, load: Load
) -> AsyncGenerator[Side, None]:
    """Punnet, with its subscribers."""

    async def introduce(socket: ClientWebSocketResponse, number: int) -> None:
        await _subscribe(socket, crowd.answer(number), tokens)

    followed = crowd.followed
    async with Feed.to(url, followed) as feed:

        async def reached() -> None:
            await feed.write(len(followed))

        async def work() -> None:
            rate = load.rate * len(followed) / len(crowd.answers)
            await feed.run(rate, load.seconds)

        delivery = Delivery(len(crowd.answers), crowd.shared, load.rate)
        async with _listening(server, delivery, introduce, reached):
            before = await _passing(server)
            yield Side(server, delivery, work)
            delivery.passing = _most(before, await _passing(server))


@asynccontextmanager
async def bare(
    folder: Path, url: str, frame: str, crowd: Crowd, load: Load
) -> AsyncGenerator[Side, None]:
    """The bare server with as many sockets, sending `frame`."""

    async def nothing(_socket: ClientWebSocketResponse, _number: int) -> None:
        """There is nobody to be introduced to."""

    at_once = len(crowd.answers) if crowd.shared else 1
    arguments = (frame, str(load.rate), str(at_once))
    with started(folder, url, "bench.bare_sockets", *arguments) as serving:
        server = serving()
        async with ClientSession(f"http://{server.host}:{server.port}") as session:

            async def reached() -> None:
                await session.get("/once")

            async def work() -> None:
                await session.get("/start")
                await asyncio.sleep(load.seconds)
                await session.get("/stop")

            delivery = Delivery(len(crowd.answers), crowd.shared, load.rate)
            async with _listening(server, delivery, nothing, reached):
                yield Side(server, delivery, work)


async def in_turns(mine: Side, others: Side, load: Load) -> None:
    """Measure both, the other one first in every other round."""
    for number in range(load.rounds):
        for side in (mine, others) if number % 2 == 0 else (others, mine):
            await side.round()


@asynccontextmanager
async def _listening(
    server: Process, delivery: Delivery, introduce: Introduce, reached: Work
) -> AsyncGenerator[None, None]:
    """Open the sockets, and wait until `reached` has sent one event to each."""
    async with _sockets(server, delivery.subscribers, introduce) as sockets:
        readers = [asyncio.create_task(_read(socket, delivery)) for socket in sockets]
        await reached()
        async with asyncio.timeout(OPEN_WITHIN):
            while len(delivery.delays) < len(sockets):
                await asyncio.sleep(SETTLE)
        delivery.delays.clear()
        yield
        for reader in readers:
            reader.cancel()


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


async def _passing(server: Process) -> dict[float, float]:
    """How many batches of text took how long at most, as the server tells."""
    async with (
        ClientSession(f"http://{server.host}:{server.port}") as session,
        session.get("/metrics") as answer,
    ):
        found = PASSING.findall(await answer.text())
    return {float(bound): float(count) for bound, count in found}


def _most(before: dict[float, float], after: dict[float, float]) -> float:
    """The least bound that 99 of 100 batches in between kept."""
    counts = {bound: after[bound] - before[bound] for bound in after}
    return min(bound for bound, count in counts.items() if count >= 0.99 * max(counts.values()))
