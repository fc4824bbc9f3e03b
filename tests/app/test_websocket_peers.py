"""Peers that are silent, slow or gone, on bare sockets."""

import asyncio
import json
import os
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.app.graphql_server import running, until
from tests.app.http import bare
from tests.app.small_schema import World
from tests.app.socket_client import connected


class Peer:
    """A WebSocket client that does nothing by itself."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, payload: bytes, opcode: int = 1) -> None:
        mask = os.urandom(4)
        size = len(payload)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack("!H", size)
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        self.writer.write(bytes([0x80 | opcode]) + length + mask + masked)

    def say(self, **message: object) -> None:
        self.send(json.dumps(message).encode())

    async def frame(self) -> tuple[int, bytes]:
        """The opcode and the payload of the next frame."""
        first, size = await asyncio.wait_for(self.reader.readexactly(2), 5)
        if size == 126:
            size = struct.unpack("!H", await self.reader.readexactly(2))[0]
        elif size == 127:
            size = struct.unpack("!Q", await self.reader.readexactly(8))[0]
        return first & 0x0F, await self.reader.readexactly(size)


@asynccontextmanager
async def peer(world: World) -> AsyncIterator[Peer]:
    async with bare(world) as (reader, writer):
        writer.write(
            b"GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
        )
        await reader.readuntil(b"\r\n\r\n")
        found = Peer(reader, writer)
        found.say(type="connection_init")
        assert b"connection_ack" in (await found.frame())[1]
        yield found


async def test_a_silent_peer_is_asked_and_then_closed() -> None:
    async with running(ping_interval=0.1) as world, peer(world) as silent:
        assert await silent.frame() == (9, b"")
        opcode, payload = await silent.frame()
        assert (opcode, payload[:2]) == (8, struct.pack("!H", 4408))
        await until(lambda: len(world.sockets) == 0)


async def test_a_peer_that_answers_stays() -> None:
    async with running(ping_interval=0.1) as world, peer(world) as quiet:
        for _ in range(5):
            assert await quiet.frame() == (9, b"")
            quiet.send(b"", opcode=10)
        quiet.say(type="ping")
        while (found := await quiet.frame())[0] == 9:
            quiet.send(b"", opcode=10)
        assert json.loads(found[1]) == {"type": "pong"}


async def test_pings_of_the_peer_are_answered_with_their_payload() -> None:
    async with running() as world, peer(world) as asking:
        asking.send(b"abc", opcode=9)
        assert await asking.frame() == (10, b"abc")


async def test_a_peer_that_goes_away_stops_its_operations() -> None:
    async with running() as world:
        async with peer(world) as going:
            going.say(type="subscribe", id="1", payload={"query": "subscription { endless }"})
            going.say(type="subscribe", id="2", payload={"query": "{ slow(seconds: 60) }"})
            await until(lambda: world.running == 2)
        await until(lambda: world.running == 0 and len(world.sockets) == 0)
        assert world.cancelled == 2
        await until(lambda: world.opened == world.closed)


FLOOD = {"query": "subscription { flood(length: 10000) }"}


async def test_a_reader_that_reads_nothing_is_closed() -> None:
    limits = {"write_timeout": 0.3, "close_timeout": 0.2}
    async with running(socket_limits=limits, socket_queue=50) as world, peer(world) as slow:
        slow.say(type="subscribe", id="1", payload=FLOOD)
        await until(lambda: world.running == 1)
        await until(lambda: world.running == 0, 10)
        await until(lambda: len(world.sockets) == 0, 10)
        assert world.cancelled == 1


async def test_the_queue_of_a_slow_reader_is_bounded_in_bytes() -> None:
    limits = {"write_timeout": 60.0, "queue_bytes": 100_000}
    async with running(socket_limits=limits) as world, peer(world) as slow:
        slow.say(type="subscribe", id="1", payload=FLOOD)
        await until(lambda: world.running == 1)
        await asyncio.sleep(0.3)
        before = world.opened
        await asyncio.sleep(0.3)
        assert world.opened == before
        assert before < 2_000


async def test_a_reader_that_pauses_gets_everything() -> None:
    async with running(socket_queue=5) as world, peer(world) as pausing:
        pausing.say(type="subscribe", id="1", payload=FLOOD)
        await until(lambda: world.running == 1)
        await asyncio.sleep(0.3)
        stalled = world.opened
        for _ in range(stalled + 100):
            assert b'"next"' in (await pausing.frame())[1]


async def test_asking_without_reading_ends_too() -> None:
    limits = {"write_timeout": 60.0, "close_timeout": 0.2}
    async with running(socket_limits=limits, socket_queue=20) as world, peer(world) as slow:
        message = {"type": "ping", "payload": {"x": "y" * 30_000}}
        for _ in range(400):
            slow.say(**message)
        await until(lambda: len(world.sockets) == 0, 10)


async def test_many_frames_at_once_do_not_starve_others() -> None:
    async with running() as world, peer(world) as busy, peer(world) as other:
        for number in range(300):
            busy.say(type="subscribe", id=str(number), payload={"query": f"{{ a{number}: hello }}"})
        other.say(type="ping")
        assert json.loads((await other.frame())[1]) == {"type": "pong"}
        seen: set[str] = set()
        async with asyncio.timeout(10):
            while len(seen) < 300:
                message = json.loads((await busy.frame())[1])
                if message["type"] in {"complete", "error"}:
                    seen.add(message["id"])


async def test_a_server_ping_counts_any_message_as_a_sign_of_life() -> None:
    async with connected(ping_interval=0.2) as ann:
        await ann.init()
        for _ in range(8):
            await asyncio.sleep(0.05)
            await ann.still_works()
