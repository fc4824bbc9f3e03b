"""A bare aiohttp WebSocket server that sends the same bytes to as many sockets.

    python -m bench.bare_sockets FRAME RATE AT_ONCE

It knows nothing of messages: it sends FRAME, with the time put in, RATE times a second, to each
socket in turn and to AT_ONCE of them at least, from the moment somebody GETs /start until /stop,
and once to all at /once.
"""

from __future__ import annotations

import asyncio
import itertools
import signal
import sys
from collections.abc import Iterable

import orjson
import uvloop
from aiohttp import WSMsgType, web

from bench.feed import PADDING, STAMP, TICK, stamped


class Sender:
    """The open sockets, and the task that sends to them."""

    def __init__(self, frame: str, rate: int, at_once: int) -> None:
        before, _, after = frame.partition(PADDING)
        self._before, self._after = before[:-STAMP], after
        self._rate = rate
        self._at_once = at_once
        self._sockets: list[web.WebSocketResponse] = []
        self._sending: asyncio.Task[None] | None = None

    def application(self) -> web.Application:
        """An application with the paths."""
        app = web.Application()
        app.router.add_get("/graphql", self._accept)
        app.router.add_get("/once", self._once)
        app.router.add_get("/start", self._start)
        app.router.add_get("/stop", self._stop)
        return app

    async def _accept(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        self._sockets.append(socket)
        while (await socket.receive()).type is WSMsgType.TEXT:
            pass
        self._sockets.remove(socket)
        return socket

    async def _once(self, _request: web.Request) -> web.Response:
        await self._send_to(self._sockets)
        return web.Response()

    async def _start(self, _request: web.Request) -> web.Response:
        self._sending = asyncio.create_task(self._send())
        return web.Response()

    async def _stop(self, _request: web.Request) -> web.Response:
        if self._sending is not None:
            self._sending.cancel()
        return web.Response()

    async def _send(self) -> None:
        loop = asyncio.get_running_loop()
        batch = max(self._at_once, min(round(self._rate * TICK), len(self._sockets)))
        turns, start = itertools.cycle(list(self._sockets)), loop.time()
        for tick in itertools.count():
            await asyncio.sleep(start + tick * batch / self._rate - loop.time())
            await self._send_to(itertools.islice(turns, batch))

    async def _send_to(self, sockets: Iterable[web.WebSocketResponse]) -> None:
        text = f"{self._before}{stamped()}{self._after}"
        for socket in sockets:
            await socket.send_str(text)


async def serve(frame: str, rate: int, at_once: int) -> None:
    """Serve until SIGTERM."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    app = Sender(frame, rate, at_once).application()
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    told = {"event": "serving", "host": host, "port": port}
    sys.stdout.write(orjson.dumps(told).decode() + "\n")
    sys.stdout.flush()
    await stopped.wait()
    await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
