"""GraphQL over server-sent events, on real sockets."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import orjson
import pytest

from tests.app.graphql_server import Viewer, World, client, running, until

EVENTS = {"Accept": "text/event-stream"}


def subscribe(session: aiohttp.ClientSession, world: World, query: str, **headers: str) -> Any:
    """Post an operation that is to be answered with a stream."""
    return session.post(world.url, json={"query": query}, headers={**EVENTS, **headers})


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
