"""Clients: connections that send prepared requests, one after the other, and take the time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import orjson
from aiohttp import ClientSession

from bench.processes import Process

LARGEST = 16 << 20  # bytes of an answer


class Failed(RuntimeError):
    """A server answered with an error."""


@dataclass(slots=True)
class Sample:
    """What was measured; all times in seconds."""

    elapsed: float = 0.0
    cpu: float = 0.0
    latencies: list[float] = field(default_factory=list[float])

    @classmethod
    def sum(cls, parts: Iterable[Sample]) -> Sample:
        """Several measurements of the same thing as one."""
        found = cls()
        for one in parts:
            found.elapsed += one.elapsed
            found.cpu += one.cpu
            found.latencies += one.latencies
        return found

    @property
    def cpu_each(self) -> float:
        """Seconds of CPU per request."""
        return self.cpu / len(self.latencies)


def prepared(path: str, token: str, payload: Mapping[str, Any]) -> bytes:
    """A request as it goes over the wire."""
    body = orjson.dumps(payload)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n"
        "Accept: application/graphql-response+json\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Client:
    """A connection that is kept alive."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, server: Process) -> Client:
        """Connect to a server."""
        return cls(*await asyncio.open_connection(server.host, server.port, limit=LARGEST))

    async def ask(self, request: bytes) -> bytes:
        """The body of the answer. Raises Failed for any status but 200, and for errors."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        body = await self._reader.readexactly(_length(head))
        if not head.startswith(b"HTTP/1.1 200") or b'"errors"' in body[-2_000:]:
            raise Failed((head + body)[:2_000].decode())
        return body

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        await self._writer.wait_closed()


def _length(head: bytes) -> int:
    after = head.partition(b"Content-Length: ")[2]
    return int(after.partition(b"\r\n")[0])


async def ask_once(server: Process, request: bytes) -> Any:
    """The decoded answer to one request."""
    client = await Client.connect(server)
    try:
        return orjson.loads(await client.ask(request))
    finally:
        await client.close()


async def documents_checked(server: Process) -> int:
    """How many documents Punnet has parsed and validated so far, by its own count."""
    url = f"http://{server.host}:{server.port}/metrics"
    async with ClientSession() as session, session.get(url) as response:
        text = await response.text()
    return int(float(text.partition("\npunnet_documents_checked ")[2].partition("\n")[0]))


async def drive(
    server: Process, requests: Sequence[bytes], *, clients: int, seconds: float
) -> Sample:
    """Have so many clients ask for so long, each as fast as it is answered."""
    connected = [await Client.connect(server) for _ in range(clients)]
    order, sample = itertools.cycle(requests), Sample()
    cpu, start = server.cpu(), perf_counter()
    try:
        await asyncio.gather(
            *(_ask_until(start + seconds, client, order, sample) for client in connected)
        )
        sample.cpu, sample.elapsed = server.cpu() - cpu, perf_counter() - start
    finally:
        for client in connected:
            await client.close()
    return sample


async def drive_once(server: Process, requests: Sequence[bytes], *, clients: int) -> None:
    """Have so many clients ask for all of it, each request once."""
    connected = [await Client.connect(server) for _ in range(clients)]
    waiting = iter(requests)

    async def ask(client: Client) -> None:
        for request in waiting:
            await client.ask(request)

    try:
        await asyncio.gather(*map(ask, connected))
    finally:
        for client in connected:
            await client.close()


async def _ask_until(end: float, client: Client, requests: Iterator[bytes], sample: Sample) -> None:
    now = perf_counter()
    while now < end:
        await client.ask(next(requests))
        before, now = now, perf_counter()
        sample.latencies.append(now - before)
