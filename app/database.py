"""PostgreSQL: the pool, the migrations, and errors of a lost server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, NoReturn, cast
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it has none
import orjson

from app.keeping import KeptConnections
from models.errors import Unavailable
from models.ports import Connection

LOST = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""What asyncpg raises when the server is gone, going or not there yet."""

CONNECT = 5.0  # seconds for the server to take a connection
CLOSE = 10.0  # seconds for what still runs at the end
STATEMENTS = 300  # prepared per connection; plans make more of them than there are relations
COMMAND = 30.0  # seconds for one statement; requests have a shorter limit of their own

PLANNING = {"enable_seqscan": "off"}
"""No statement may scan a table. PostgreSQL keeps the plans of statements, and one that was made
while a table was empty, as that of chunks often is, would scan it for each parent when it is full:
measured, 20,000 chunks took seconds."""

Observe = Callable[[str, Sequence[Any]], None]


class PooledConnection(cast("type[Any]", asyncpg.Connection)):
    """A connection of the pool, which is handed on as it is, without a statement to reset it.

    For no statement leaves anything behind: who listens, or takes a lock for longer than a
    transaction, has a connection of its own (`connect`), and settings are SET LOCAL. A
    transaction that is still open is rolled back by asyncpg all the same.
    """

    def get_reset_query(self) -> str:
        """Nothing to send."""
        return ""


class PostgresDatabase:
    """A pool of connections; see models.ports.Database.

    `observe` is called with each statement and its arguments, for tests and `punnet dev`.
    """

    def __init__(self, url: str, *, size: int = 20, observe: Observe | None = None) -> None:
        self._observe = observe
        self._options: dict[str, Any] = {
            **credentials(url),
            "min_size": 1,
            "max_size": size,
            "init": self._prepare,
            "timeout": CONNECT,
            "command_timeout": COMMAND,
            "connection_class": PooledConnection,
            "statement_cache_size": STATEMENTS,
            "server_settings": PLANNING,
        }
        self._pool: Any = None
        self._kept: KeptConnections

    async def open(self) -> None:
        """Connect. Raises Unavailable when there is no server."""
        with lost():
            self._pool = await cast("Any", asyncpg).create_pool(**self._options)
        self._kept = KeptConnections(self._pool)

    async def close(self) -> None:
        """Close every connection, after CLOSE seconds also those in use."""
        if self._pool is None:
            return
        try:
            async with asyncio.timeout(CLOSE):
                await self._kept.close()
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection, None]:
        with lost():
            async with self._kept.lent() as connection:
                yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Connection, None]:
        with lost():
            async with self._kept.lent() as connection, connection.transaction():
                yield connection

    async def fetch(self, query: str, *args: Any) -> Sequence[Mapping[str, Any]]:
        try:
            async with self._kept.lent() as connection:
                return await connection.fetch(query, *args)
        except LOST as error:
            _tell_lost(error)

    async def _prepare(self, connection: Any) -> None:
        await use_json(connection)
        if self._observe is not None:
            observe = self._observe
            connection.add_query_logger(_told(observe))


def credentials(url: str) -> dict[str, Any]:
    """What asyncpg and Tortoise need of a PostgreSQL URL, whose host may be a socket's folder."""
    parts = urlsplit(url)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    found: dict[str, Any] = {
        "host": query.get("host") or parts.hostname or "127.0.0.1",
        "port": int(query.get("port") or parts.port or 5432),
        "user": unquote(parts.username or "postgres"),
        "password": unquote(parts.password) if parts.password else None,
        "database": unquote(parts.path.lstrip("/")) or "punnet",
    }
    if "sslmode" in query:
        found["ssl"] = query["sslmode"]
    return found


async def use_json(connection: Any) -> None:
    """Have jsonb go in and out as Python values."""
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=_dumped,
        decoder=orjson.loads,
    )


async def connect(url: str, **options: Any) -> Any:
    """A connection of its own, outside the pool: an asyncpg.Connection, which has no types."""
    return await cast("Any", asyncpg).connect(url, **options)


def _dumped(value: Any) -> str:
    return orjson.dumps(value).decode()


def _told(observe: Observe) -> Callable[[Any], None]:
    return lambda record: observe(record.query, record.args or ())


@contextmanager
def lost() -> Generator[None, None, None]:
    """Have the errors of a lost server raised as Unavailable."""
    try:
        yield
    except LOST as error:
        _tell_lost(error)


def _tell_lost(error: Exception) -> NoReturn:
    if isinstance(error, ValueError):
        raise error  # an argument that asyncpg can't send: no later try will do better
    raise Unavailable("The database can't be reached.", retry_after=1) from error
