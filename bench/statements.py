"""How many statements PostgreSQL gets for a request: counted in its own log, BEGIN and all."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, Self, cast

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it has none

from bench.load import Client
from bench.processes import Process

STATEMENT = re.compile(rb"LOG:  (?:statement|execute [^:]*):")
QUIET = 1.0  # seconds in which what runs anyhow is counted


class StatementLog:
    """PostgreSQL's log, into which it writes every statement while this is used."""

    def __init__(self, url: str, log: Path) -> None:
        self._url = url
        self._log = log

    async def __aenter__(self) -> Self:
        await self._tell("ALTER SYSTEM SET log_statement = 'all'")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._tell("ALTER SYSTEM RESET log_statement")

    async def background(self) -> float:
        """Statements per second while nobody asks for anything."""
        start = self._log.stat().st_size
        await asyncio.sleep(QUIET)
        return self._count(start) / QUIET

    async def each(self, server: Process, requests: Sequence[bytes], background: float) -> int:
        """Statements for one of the requests; the first, which prepares, is left out."""
        client = await Client.connect(server)
        try:
            await client.ask(requests[0])
            start, began = self._log.stat().st_size, perf_counter()
            for request in requests[1:]:
                await client.ask(request)
            others = background * (perf_counter() - began)
            return round((self._count(start) - others) / (len(requests) - 1))
        finally:
            await client.close()

    def _count(self, start: int) -> int:
        with self._log.open("rb") as log:
            log.seek(start)
            return len(STATEMENT.findall(log.read()))

    async def _tell(self, setting: str) -> None:
        connection: Any = await cast("Any", asyncpg).connect(self._url)
        try:
            await connection.execute(setting)
            await connection.execute("SELECT pg_reload_conf()")
        finally:
            await connection.close()
        await asyncio.sleep(0.2)  # every session hears of it before its next statement
