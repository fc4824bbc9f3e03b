"""Clients that go away, stall or lie, on bare sockets."""

import asyncio
import json

from tests.app.graphql_server import running, until
from tests.app.http import bare, head


def body(query: str) -> bytes:
    return json.dumps({"query": query}).encode()


async def test_a_client_that_goes_away_stops_its_operation() -> None:
    async with running() as world:
        async with bare(world) as (_, writer):
            asked = body("{ slow(seconds: 60) }")
            writer.write(head(len(asked)) + asked)
            await asyncio.wait_for(world.started.wait(), 5)
        await asyncio.wait_for(world.stopped.wait(), 5)
        assert world.cancelled == 1
        await until(lambda: world.closed == world.opened == 1)


async def test_a_client_that_goes_away_stops_every_field() -> None:
    async with running() as world:
        async with bare(world) as (_, writer):
            asked = body("{" + " ".join(f"s{i}: slow(seconds: 60)" for i in range(20)) + "}")
            writer.write(head(len(asked)) + asked)
            await until(lambda: world.running == 20)
        await until(lambda: world.cancelled == 20)
        assert world.running == 0


async def test_half_a_body_and_goodbye_leaves_nothing() -> None:
    async with running() as world:
        async with bare(world) as (_, writer):
            writer.write(head(1_000) + b'{"query": "{')
            await writer.drain()
        async with bare(world) as (reader, writer):
            asked = body("{ hello }")
            writer.write(head(len(asked)) + asked)
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        assert world.opened == 1


async def test_a_body_that_stalls_is_a_408() -> None:
    async with running(request_timeout=0.2) as world, bare(world) as (reader, writer):
        writer.write(head(1_000) + b'{"query": "{')
        assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"HTTP/1.1 408")
        rest = await asyncio.wait_for(reader.read(), 5)
        assert b"TIMEOUT" in rest


async def test_broken_chunks_end_with_the_time_of_a_body() -> None:
    async with running(request_timeout=0.2) as world, bare(world) as (reader, writer):
        writer.write(
            b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"que\r\nzz\r\nnonsense\r\n\r\n'
        )
        # Whichever sees it first: aiohttp's parser (400) or the reading handler (408).
        assert b" 40" in await asyncio.wait_for(reader.readline(), 5)
        assert world.opened == 0


async def test_an_endless_chunked_body_is_cut_off() -> None:
    async with running(max_body=10_000) as world, bare(world) as (reader, writer):
        writer.write(
            b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        for _ in range(20):
            writer.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
        assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"HTTP/1.1 413")


async def test_requests_on_one_connection_are_answered_in_turn() -> None:
    async with running() as world, bare(world) as (reader, writer):
        for text in ("{ hello }", "{", "{ context }"):
            asked = body(text)
            writer.write(head(len(asked)) + asked)
        found = b""
        async with asyncio.timeout(5):
            while found.count(b"HTTP/1.1") < 3 or not found.endswith(b"}"):
                found += await reader.read(65_536)
        assert found.count(b"HTTP/1.1 200") == 2
        assert found.count(b"HTTP/1.1 400") == 1


async def test_two_operations_at_once_do_not_wait_for_each_other() -> None:
    async with running() as world, bare(world) as (_, slow), bare(world) as (reader, quick):
        asked = body("{ slow(seconds: 60) }")
        slow.write(head(len(asked)) + asked)
        await asyncio.wait_for(world.started.wait(), 5)
        asked = body("{ hello }")
        quick.write(head(len(asked)) + asked)
        assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"HTTP/1.1 200")
        assert world.running == 1
