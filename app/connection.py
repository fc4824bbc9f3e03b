"""One WebSocket from the handshake to its close, as graphql-transport-ws has it."""

import asyncio
from collections.abc import Coroutine
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import WSMessage, WSMsgType, web

from app.callers import Caller
from app.frames import Frames
from app.messages import (
    Complete,
    ConnectionInit,
    Ping,
    Pong,
    ProtocolViolation,
    Subscribe,
    close_code,
    close_reason,
    read_message,
    with_token,
    written,
)
from app.operations import Operations, Viewer, seconds_left
from app.outbox import Outbox, SlowReader
from app.socket_operations import SocketOperations
from app.sockets import Sockets
from graphql_schema.core.errors import ErrorReport, Refused
from models.errors import DomainError

GONE = 1006
"""Nobody is there to be told."""


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """Bounds of one socket, in bytes, numbers and seconds."""

    message: int = 256 << 10
    operations: int = 50
    queue: int = 1_000
    queue_bytes: int = 4 << 20
    init_timeout: float = 10.0
    ping_interval: float = 20.0
    write_timeout: float = 10.0
    close_timeout: float = 2.0
    finish_timeout: float = 3.0
    revoke_timeout: float = 0.5


class Connection:
    """A task that reads, one that writes, one that pings, and one for each operation."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        frames: Frames,
        request: web.Request,
        caller: Caller,
        request_id: str,
        operations: Operations,
        sockets: Sockets,
        limits: SocketLimits,
    ) -> None:
        self._socket = socket
        self._caller = caller
        self._transport = request.transport
        self._request_id = request_id
        self._operations = operations
        self._sockets = sockets
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._outbox = Outbox(frames, limits.queue, limits.queue_bytes, limits.write_timeout)
        self._running = SocketOperations(
            operations, self._outbox, caller, most=limits.operations, request_id=request_id
        )
        self._ending: asyncio.Future[tuple[int, str]] = self._loop.create_future()
        self._ended = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: list[asyncio.TimerHandle] = []
        self._place = ExitStack()
        self._heard = self._loop.time()
        self._introduced = False
        self._viewer: Viewer | None = None

    async def run(self) -> None:
        """Talk until either side ends it; leaves nothing running."""
        self._start(self._read())
        self._start(self._outbox.run())
        self._start(self._watch())
        self._end_in(self._limits.init_timeout, 4408, "Connection initialisation timeout")
        try:
            code, reason = await self._ending
            await self._stop()
            await self._say_goodbye(code, reason)
        finally:
            await self._leave()

    def end(self, code: int, reason: str) -> None:
        """Begin to close; the first call decides the code."""
        if not self._ending.done():
            self._ending.set_result((code, reason))

    def revoke(self) -> None:
        """End it: whoever it was let in for may not be here any more."""
        self._start(self._sign_off())

    async def close(self, code: int, reason: str) -> None:
        """Let running mutations end and be answered, then close; returns once it has ended."""
        await self._running.finish(self._limits.finish_timeout)
        self.end(code, reason)
        await self._ended.wait()

    async def _read(self) -> None:
        while not self._ending.done():
            frame = await self._socket.receive()
            self._heard = self._loop.time()
            try:
                self._on_frame(frame)
            except ProtocolViolation as violation:
                self.end(violation.code, violation.reason)
            # receive() does not yield while frames are waiting; others want a turn.
            await asyncio.sleep(0)

    async def _sign_off(self) -> None:
        """Tell nothing any more but the answer of a mutation, which may be what signs out here."""
        await self._running.finish(self._limits.revoke_timeout)
        self.end(4403, "signed out")

    def _on_frame(self, frame: WSMessage) -> None:
        if frame.type is WSMsgType.TEXT:
            self._on_text(frame.data)
        elif frame.type is WSMsgType.BINARY:
            raise ProtocolViolation(4400, "Messages must be text.")
        elif frame.type is WSMsgType.PING:
            self._outbox.push(frame.data, WSMsgType.PONG)
        elif frame.type is not WSMsgType.PONG:
            self.end(GONE, "")

    def _on_text(self, text: str) -> None:
        match read_message(text):
            case ConnectionInit(params):
                self._on_init(params)
            case Ping(payload):
                self._outbox.push(written("pong", payload=payload))
            case Pong():
                pass
            case Subscribe(operation, payload):
                if self._viewer is None:
                    raise ProtocolViolation(4401, "Unauthorized")
                self._running.start(operation, payload, self._authenticated)
            case Complete(operation):
                self._running.complete(operation)

    def _on_init(self, params: dict[str, Any]) -> None:
        if self._introduced:
            raise ProtocolViolation(4429, "Too many initialisation requests")
        self._introduced = True
        self._start(self._admit(params))

    async def _admit(self, params: dict[str, Any]) -> None:
        """Find out who it is and answer; the socket ends if there is no place for them."""
        try:
            self._caller = self._caller.with_headers(with_token(self._caller.headers, params))
            viewer = await self._authenticated()
            place = self._sockets.admitted(self, viewer, self._caller.client.address)
            self._place.enter_context(place)
        except Refused as refused:
            error = refused.errors[0]
            self.end(close_code(error["extensions"]["code"]), error["message"])
        except DomainError as error:
            self.end(close_code(error.code), error.message)
        else:
            self._let_in(viewer)

    async def _authenticated(self) -> Viewer:
        """Who it is now; asked for each operation, as an account may be gone since the last."""
        return await self._operations.authenticate(self._caller, self._request_id)

    def _let_in(self, viewer: Viewer) -> None:
        for timer in self._timers:
            timer.cancel()
        seconds = seconds_left(viewer)
        if seconds is not None:
            self._end_in(seconds, 4403, "token expired")
        self._viewer = viewer
        self._caller = replace(self._caller, let_in=viewer.session_id)
        self._outbox.push(written("connection_ack"))

    async def _watch(self) -> None:
        """Ping a silent peer; one that stays silent is gone."""
        interval = self._limits.ping_interval
        while True:
            silent = self._loop.time() - self._heard
            if silent < interval:
                await asyncio.sleep(interval - silent)
                continue
            asked = self._loop.time()
            self._outbox.push(b"", WSMsgType.PING)
            await asyncio.sleep(interval)
            if self._heard < asked:
                self.end(4408, "No answer to a ping")
                return

    def _end_in(self, seconds: float, code: int, reason: str) -> None:
        self._timers.append(self._loop.call_later(seconds, self.end, code, reason))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_done)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, SlowReader):
            self.end(1013, "The reader is too slow")
        elif isinstance(error, OSError):
            self.end(GONE, "")
        elif error is not None:
            ErrorReport(self._request_id).raised(error)
            self.end(1011, "Internal error")

    async def _stop(self) -> None:
        for timer in self._timers:
            timer.cancel()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, self._running.stop(), return_exceptions=True)

    async def _leave(self) -> None:
        try:
            await self._stop()
        finally:
            # Even when cancelled once more: whoever waits in close() must not wait for ever.
            self._place.close()
            self._ended.set()

    async def _say_goodbye(self, code: int, reason: str) -> None:
        """Close with the code; what a reader leaves unread is thrown away."""
        try:
            async with asyncio.timeout(self._limits.close_timeout):
                await self._socket.close(code=code, message=close_reason(reason))
        except (TimeoutError, OSError):
            pass
        if self._transport is not None and self._transport.get_write_buffer_size():
            self._transport.abort()
