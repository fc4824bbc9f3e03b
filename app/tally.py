"""The statements of one operation, counted in the database port that is given to it alone.

Nothing is ambient: who reads or writes through the operation's own port is counted, whatever runs
at the same time. Not counted are BEGIN and COMMIT, and what is read for many at once: the event
log and the texts of running answers. An operation pays a microsecond or two per statement.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any, TypeVar

from models.ports import Connection, Database

Result = TypeVar("Result")


@dataclass(slots=True)
class Spent:
    """How often one statement was sent, the seconds until its answers, and the rows in them."""

    count: int = 0
    seconds: float = 0.0
    rows: int = 0


class Tally:
    """What one operation has sent so far: its statements by their SQL."""

    def __init__(self) -> None:
        self.statements: dict[str, Spent] = {}

    @property
    def count(self) -> int:
        """Statements in all."""
        return sum(spent.count for spent in self.statements.values())

    @property
    def rows(self) -> int:
        """Rows in all."""
        return sum(spent.rows for spent in self.statements.values())

    async def time(self, sql: str, answer: Awaitable[Result]) -> Result:
        """Wait for the answer to a statement; one that fails counts as well."""
        started = perf_counter()
        try:
            return await answer
        finally:
            self.add(sql, perf_counter() - started)

    def add(self, sql: str, seconds: float) -> None:
        """Count a statement."""
        spent = self.statements.get(sql)
        if spent is None:
            spent = self.statements[sql] = Spent()
        spent.count += 1
        spent.seconds += seconds


class TalliedDatabase:
    """A pool that counts; see models.ports.Database."""

    def __init__(self, database: Database, tally: Tally) -> None:
        self._database = database
        self._tally = tally

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection, None]:
        async with self._database.connection() as connection:
            yield TalliedConnection(connection, self._tally)

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Connection, None]:
        async with self._database.transaction() as connection:
            yield TalliedConnection(connection, self._tally)

    async def fetch(self, query: str, *args: Any) -> Sequence[Mapping[str, Any]]:
        started, tally = perf_counter(), self._tally
        try:
            rows = await self._database.fetch(query, *args)
        finally:
            tally.add(query, perf_counter() - started)
        tally.statements[query].rows += len(rows)
        return rows


class TalliedConnection:
    """A connection that counts; see models.ports.Connection."""

    def __init__(self, connection: Connection, tally: Tally) -> None:
        self._connection = connection
        self._tally = tally

    async def fetch(self, query: str, *args: Any) -> Sequence[Mapping[str, Any]]:
        rows = await self._tally.time(query, self._connection.fetch(query, *args))
        self._tally.statements[query].rows += len(rows)
        return rows

    async def fetchrow(self, query: str, *args: Any) -> Mapping[str, Any] | None:
        row = await self._tally.time(query, self._connection.fetchrow(query, *args))
        self._tally.statements[query].rows += row is not None
        return row

    async def fetchval(self, query: str, *args: Any) -> Any:
        return await self._tally.time(query, self._connection.fetchval(query, *args))

    async def execute(self, query: str, *args: Any) -> str:
        return await self._tally.time(query, self._connection.execute(query, *args))
