"""GraphQL over server-sent events, on real sockets."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import aiohttp
import orjson
import pytest

from tests.app.graphql_server import client, running, until
from tests.app.http import GRAPHQL, bare, head, query, send
from tests.app.small_schema import Viewer, World

EVENTS = {"Accept": "text/event-stream"}


def subscribe(session: aiohttp.ClientSession, world: World, text: str, **headers: str) -> Any:
    """Post an operation that is to be answered with a stream."""
    return session.post(world.url, json={"query": text}, headers={**EVENTS, **headers})


def events_of(stream: bytes) -> list[tuple[str, Any]]:
    """The events of a whole stream; comments are left out."""
    assert b"\r" not in stream
    found: list[tuple[str, Any]] = []
    for block in stream.decode().split("\n\n"):
        if block and not block.startswith(":"):
            event, data = block.split("\n")
            text = data.removeprefix("data: ")
            found.append((event.removeprefix("event: "), orjson.loads(text) if text else None))
    return found


async def test_a_subscription_is_streamed_to_its_end() -> None:
    async with client() as (session, world):
        async with subscribe(session, world, "subscription { count(to: 2) }") as response:
            stream = await response.read()
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["X-Accel-Buffering"] == "no"
        assert "Content-Encoding" not in response.headers
        assert stream.startswith(b": \n\nevent: next\ndata: {")
        assert events_of(stream) == [
            ("next", {"data": {"count": 0}}),
            ("next", {"data": {"count": 1}}),
            ("complete", None),
        ]
        assert world.observed == [("subscription", None, [])]


async def test_events_arrive_as_they_happen() -> None:
    async with client() as (session, world):
        text = "subscription { endless }"
        async with subscribe(session, world, text) as response:
            async with asyncio.timeout(5):
                assert await response.content.readuntil(b"\n\n") == b": \n\n"
                event = await response.content.readuntil(b"\n\n")
            assert events_of(event) == [("next", {"data": {"endless": 0}})]
            assert world.running == 1
        await until(lambda: world.running == 0)
        assert world.cancelled == 1


@pytest.mark.parametrize(
    "accept",
    [
        "text/event-stream",
        f"{GRAPHQL}, application/json, text/event-stream, multipart/mixed",
        "application/json, text/event-stream;q=0.1",
    ],
)
async def test_a_subscription_is_streamed_to_all_who_take_events(accept: str) -> None:
    async with client() as (session, world):
        text = "subscription { count(to: 1) }"
        async with subscribe(session, world, text, Accept=accept) as response:
            assert response.content_type == "text/event-stream"
            assert len(events_of(await response.read())) == 2


async def test_events_that_weigh_nothing_are_not_taken() -> None:
    async with client() as (session, world):
        accept = f"{GRAPHQL}, text/event-stream;q=0"
        answer = await query(session, world, "subscription { endless }", {"Accept": accept})
        assert (answer.status, answer.codes) == (400, ["BAD_REQUEST"])


@pytest.mark.parametrize("text", ["{ hello }", "mutation { add(value: 2) }"])
async def test_other_operations_are_one_event(text: str) -> None:
    async with client() as (session, world):
        async with subscribe(session, world, text) as response:
            events = events_of(await response.read())
        assert [name for name, _ in events] == ["next", "complete"]
        assert "errors" not in events[0][1]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "PARSE_FAILED"),
        ("subscription { nothing }", "VALIDATION_FAILED"),
        ("{ expensive }", "TOO_COSTLY"),
        ("query ($v: Int!) { number(value: $v) }", "INVALID"),
        ("subscription ($v: Int!) { count(to: $v) }", "INVALID"),
        ("subscription { refused }", "NOT_FOUND"),
    ],
)
async def test_a_refused_operation_is_an_event(text: str, code: str) -> None:
    async with client() as (session, world):
        async with subscribe(session, world, text) as response:
            assert response.status == 200
            [(kind, payload), last] = events_of(await response.read())
        assert (kind, last) == ("next", ("complete", None))
        assert payload["errors"][0]["extensions"]["code"] == code
        assert "data" not in payload


async def test_a_source_that_fails_ends_with_its_error() -> None:
    async with client() as (session, world):
        text = "subscription { failsAfter(events: 1) }"
        async with subscribe(session, world, text) as response:
            events = events_of(await response.read())
        assert [name for name, _ in events] == ["next", "next", "complete"]
        assert events[1][1]["errors"][0]["extensions"]["code"] == "CONFLICT"


async def test_who_is_not_let_in_gets_a_status() -> None:
    async with client() as (session, world):
        for token, status in (("bad", 401), ("down", 503)):
            answer = await query(
                session,
                world,
                "subscription { endless }",
                {**EVENTS, "Authorization": f"Bearer {token}"},
            )
            assert answer.status == status
        assert world.opened == 0


async def test_get_streams_for_event_sources() -> None:
    async with client() as (session, world):
        url = f"{world.url}?{urlencode({'query': 'subscription { count(to: 1) }'})}"
        headers = {**EVENTS, "Sec-Fetch-Site": "same-origin"}
        async with session.get(url, headers=headers) as response:
            assert len(events_of(await response.read())) == 2
        answer = await send(session, "GET", url, headers=EVENTS)
        assert (answer.status, answer.codes) == (403, ["FORBIDDEN"])
        async with session.head(url, headers=headers) as response:
            assert await response.read() == b""
        assert world.opened == world.closed == 2


async def test_a_quiet_stream_is_kept_alive() -> None:
    async with client(keep_alive=0.05) as (session, world):
        async with subscribe(session, world, "subscription { endless }") as response:
            async with asyncio.timeout(5):
                found = b""
                while found.count(b": \n\n") < 4:
                    found += await response.content.readany()
        assert len(events_of(found)) == 1


async def test_streams_and_sockets_count_together() -> None:
    async with client(user_sockets=1) as (session, world):
        text = "subscription { endless }"
        async with subscribe(session, world, text, Authorization="Bearer ann") as first:
            await first.content.readuntil(b"\n\n")
            headers = {**EVENTS, "Authorization": "Bearer ann"}
            refused = await query(session, world, text, headers)
            assert (refused.status, refused.codes) == (429, ["RATE_LIMITED"])
            assert refused.headers["Retry-After"] == "5"
        await until(lambda: len(world.sockets) == 0)
        async with subscribe(session, world, text, Authorization="Bearer ann") as again:
            assert again.status == 200


async def test_the_token_ends_the_stream_with_it() -> None:
    async with client() as (session, world):
        ends = datetime.now(UTC) + timedelta(seconds=0.2)
        world.viewers["short"] = Viewer("usr_short", ends)
        text = "subscription { endless }"
        async with subscribe(session, world, text, Authorization="Bearer short") as response:
            events = events_of(await response.read())
        assert [name for name, _ in events] == ["next", "next", "complete"]
        assert events[1][1]["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        assert world.cancelled == 1


async def test_a_shutdown_ends_the_stream_without_complete() -> None:
    async with client() as (session, world):
        async with subscribe(session, world, "subscription { endless }") as response:
            await response.content.readuntil(b"\n\n")
            await until(lambda: world.running == 1)
            await world.sockets.close_all()
            assert [name for name, _ in events_of(await response.read())] in ([], ["next"])
        assert world.running == 0


def asking(text: str) -> bytes:
    asked = json.dumps({"query": text}).encode()
    return head(len(asked), "Accept: text/event-stream") + asked


async def test_a_reader_that_goes_away_stops_the_operation() -> None:
    async with running() as world:
        async with bare(world) as (_, writer):
            writer.write(asking("subscription { endless }"))
            await until(lambda: world.running == 1)
        await until(lambda: world.running == 0 and len(world.sockets) == 0)
        assert world.cancelled == 1


async def test_a_reader_that_reads_nothing_is_cut_off() -> None:
    async with running(write_timeout=0.3) as world, bare(world) as (_, writer):
        writer.write(asking("subscription { flood(length: 10000) }"))
        await until(lambda: world.running == 1)
        await until(lambda: world.running == 0 and len(world.sockets) == 0, 10)
        assert world.opened < 3_000
