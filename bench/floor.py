"""The floor: the five answers by hand, on asyncpg, orjson and aiohttp, in a process of its own.

    python -m bench.floor

It checks tokens as Punnet does: the same verification of the signature and the claims, the same
statement for the user's state. The SQL keeps to the viewer's own rows. Nothing is left of schema,
validation, cost, loaders and limits. Its pool, like Punnet's, resets no connection at a release.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it has none
import orjson
import uvloop
from aiohttp import web

from app.auth import Authenticator, load_secret
from app.clock import SystemClock
from app.database import PooledConnection
from bench import floor_reads as reads
from bench import floor_writes as writes
from bench.processes import settings
from models.errors import Unauthenticated
from models.standing import is_live, state_by

POOL = 20  # connections, as many as Punnet's

Answer = Callable[[Any, str, Mapping[str, Any]], Awaitable[Any]]
ANSWERS: Mapping[str, Answer] = {
    "project": reads.project,
    "page": reads.page,
    "projects": reads.projects,
    "thousand": reads.thousand,
    "create": writes.create,
}


class Floor:
    """Answers a POST to the path of an operation with its data."""

    def __init__(self, pool: Any) -> None:
        given = settings()
        self._pool = pool
        self._tokens = Authenticator(given, load_secret(given), SystemClock())
        self._state = state_by("clerk_id")

    def application(self) -> web.Application:
        """An application with a path for each operation."""
        app = web.Application()
        for name, answer in ANSWERS.items():
            app.router.add_post(f"/{name}", self._handler(answer))
        return app

    def _handler(self, answer: Answer) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            variables = orjson.loads(await request.read())
            claims = await self._tokens.verify(request.headers["Authorization"][7:])
            async with self._pool.acquire() as connection:
                state = await connection.fetchrow(self._state, claims.subject)
                if state is None or not is_live(state):
                    raise Unauthenticated("This account is gone.")
                data = await answer(connection, state["id"], variables)
            body = orjson.dumps({"data": data})
            return web.Response(body=body, content_type="application/json")

        return handle


async def serve(url: str) -> None:
    """Serve until SIGTERM."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    pool = await cast("Any", asyncpg).create_pool(
        url, min_size=1, max_size=POOL, connection_class=PooledConnection
    )
    runner = web.AppRunner(Floor(pool).application(), access_log=None)
    await runner.setup()
    gc.freeze()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    told = {"event": "serving", "host": host, "port": port}
    sys.stdout.write(orjson.dumps(told).decode() + "\n")
    sys.stdout.flush()
    await stopped.wait()
    await runner.cleanup()
    await pool.close()


if __name__ == "__main__":
    uvloop.run(serve(os.environ["PUNNET_DATABASE_URL"]))
