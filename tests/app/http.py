"""Plain HTTP against the test server: whole requests, and bytes on a bare socket."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson

from tests.app.small_schema import World

GRAPHQL = "application/graphql-response+json"
JSON = "application/json"


@dataclass
class Answer:
    status: int
    body: Any
    headers: Any

    @property
    def codes(self) -> list[str]:
        return [error["extensions"]["code"] for error in self.body["errors"]]


async def send(session: aiohttp.ClientSession, method: str, url: str, **options: Any) -> Answer:
    async with session.request(method, url, **options) as response:
        data = await response.read()
        return Answer(response.status, orjson.loads(data) if data else None, response.headers)


async def post(
    session: aiohttp.ClientSession, world: World, body: Any, headers: Any = None
) -> Answer:
    """Send a body, encoded as JSON unless it is bytes or a stream."""
    data = json.dumps(body).encode() if isinstance(body, dict) else body
    data = BytesIO(data) if isinstance(data, bytes) else data
    sent = {"Content-Type": JSON, "Accept": GRAPHQL, **(headers or {})}
    return await send(session, "POST", world.url, data=data, headers=sent)


async def query(
    session: aiohttp.ClientSession, world: World, text: str, headers: Any = None, **more: Any
) -> Answer:
    return await post(session, world, {"query": text, **more}, headers)


@asynccontextmanager
async def bare(
    world: World,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A TCP connection to say anything on."""
    async with bare_at(f"http://127.0.0.1:{world.port}") as connection:
        yield connection


@asynccontextmanager
async def bare_at(url: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """The same, to the server of an address."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=1 << 16)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


def head(length: int, *more: str) -> bytes:
    """The head of a POST that announces a body of this length."""
    lines = [
        "POST /graphql HTTP/1.1",
        "Host: 127.0.0.1",
        f"Content-Type: {JSON}",
        f"Content-Length: {length}",
        *more,
    ]
    return "\r\n".join([*lines, "", ""]).encode()
