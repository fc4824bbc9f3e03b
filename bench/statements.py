"""How many statements PostgreSQL gets for a request: counted in its own log, BEGIN and all."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self, cast

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it has none

from bench.load import Client
from bench.processes import Process

STATEMENT = re.compile(rb"LOG:  (?:statement|execute [^:]*): (.*)")
Background = frozenset[bytes]
BRACKETS = frozenset((b"BEGIN", b"COMMIT", b"BEGIN;", b"COMMIT;"))
QUIET = 1.5  # seconds in which it is seen what runs anyhow


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

    async def background(self) -> Background:
        """The statements that are sent while nobody asks for anything.

        Not what brackets a transaction: a request's own would not be counted then.
        """
        start = self._log.stat().st_size
        await asyncio.sleep(QUIET)
        return frozenset(self._since(start)) - BRACKETS

    async def each(self, server: Process, requests: Sequence[bytes], background: Background) -> int:
        """Statements for one of the requests; the first, which prepares, is left out."""
        client = await Client.connect(server)
        try:
            await client.ask(requests[0])
            start = self._log.stat().st_size
            for request in requests[1:]:
                await client.ask(request)
            sent = [text for text in self._since(start) if text not in background]
            return round(len(sent) / (len(requests) - 1))
        finally:
            await client.close()

    def _since(self, start: int) -> list[bytes]:
        with self._log.open("rb") as log:
            log.seek(start)
            return STATEMENT.findall(log.read())

    async def _tell(self, setting: str) -> None:
        connection: Any = await cast("Any", asyncpg).connect(self._url)
        try:
            await connection.execute(setting)
            await connection.execute("SELECT pg_reload_conf()")
        finally:
            await connection.close()
        await asyncio.sleep(0.2)  # every session hears of it before its next statement
