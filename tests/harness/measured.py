"""A server in a process of its own that tells how long its loop was busy and how much it holds.

    python -m tests.harness.measured URL '{"settings": …}'

prints its address. GET /measure tells the longest stretch of CPU time of the loop's thread
without a turn for others, in seconds, and the growth of the peak of resident memory, in bytes,
since the last call. CPU time, since a busy machine stops the clock for nobody. POST /user makes a
token. Logs go to standard error as in production.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web

from app.logging import configure_logs
from app.server import SERVICES, build, calm_collector, runner
from tests.harness.api import settings_for_tests

TICK = 0.002


class Meter:
    """Measures between two calls of `read`."""

    def __init__(self) -> None:
        self._longest = 0.0
        self._peak = self._memory()

    async def tick(self) -> None:
        """Note how much CPU time this thread used between two turns of ours."""
        last = time.thread_time()
        while True:
            await asyncio.sleep(TICK)
            now = time.thread_time()
            self._longest = max(self._longest, now - last)
            last = now

    def read(self) -> dict[str, float]:
        """The longest stretch and the growth of the peak since the last call."""
        longest, self._longest = self._longest, 0.0
        before, self._peak = self._peak, self._memory()
        return {"stall": longest, "grown": self._peak - before, "peak": self._peak}

    def _memory(self) -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


async def main(url: str, given: str) -> None:
    settings = settings_for_tests(**json.loads(given))
    configure_logs(settings)
    app, meter = build(settings, url), Meter()

    async def measure(_: web.Request) -> web.Response:
        await asyncio.sleep(2 * TICK)
        return web.json_response(meter.read())

    async def user(request: web.Request) -> web.Response:
        name = await request.text()
        return web.Response(text=app[SERVICES].authenticator.local.issue_dev_token(name))

    async def ticking(_: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(meter.tick())
        yield
        task.cancel()

    app.cleanup_ctx.append(ticking)
    app.router.add_get("/measure", measure)
    app.router.add_post("/user", user)
    running = runner(app)
    await running.setup()
    calm_collector()
    await web.TCPSite(running, "127.0.0.1", 0).start()
    host, port = running.addresses[0][:2]
    print(f"http://{host}:{port}", flush=True)  # noqa: T201 - this is what the test reads
    await asyncio.to_thread(sys.stdin.read)
    await running.cleanup()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    asyncio.run(main(*sys.argv[1:]))
