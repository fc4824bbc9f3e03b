"""GraphQL over server-sent events: one stream per operation (graphql-sse, distinct connections)."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from typing import Any

from aiohttp import web

from app.operations import Viewer, seconds_left
from app.responses import SAFE_HEADERS, encode
from app.sockets import Sockets
from graphql_schema.core.engine import Response
from graphql_schema.core.errors import ErrorReport, Refused, refusal
from models.errors import Unauthenticated

STREAM_HEADERS = {
    **SAFE_HEADERS,
    "Content-Type": "text/event-stream; charset=utf-8",
    "X-Accel-Buffering": "no",
}

FINISH = 3.0  # seconds that a mutation has to end when the server shuts down

COMMENT = b": \n\n"

# Without a data line EventSource would not dispatch the event.
COMPLETE = b"event: complete\ndata: \n\n"


def next_event(response: Response, request_id: str) -> bytes:
    """A response as an event; orjson writes it without line ends."""
    return b"event: next\ndata: " + encode(response, request_id) + b"\n\n"


class EventStreams:
    """Starts event streams and bounds them."""

    def __init__(
        self, sockets: Sockets, *, keep_alive: float = 12.0, write_timeout: float = 10.0
    ) -> None:
        """`keep_alive` is the seconds between comments, `write_timeout` how long a reader may
        leave a write waiting before it is cut off.
        """
        self._sockets = sockets
        self._keep_alive = keep_alive
        self._write_timeout = write_timeout

    async def serve(
        self,
        request: web.Request,
        headers: Mapping[str, str],
        viewer: Viewer,
        responses: AsyncGenerator[Response, None],
        *,
        address: str,
        mutation: bool = False,
    ) -> web.StreamResponse:
        """Send responses until they end, the reader goes or the token expires.

        `address` is whom a signed-out viewer counts for. A `mutation` is answered before the
        stream is closed from outside.
        Raises RateLimited before the stream starts.
        """
        stream = EventStream(
            request, headers, self._keep_alive, self._write_timeout, FINISH if mutation else 0
        )
        with self._sockets.admitted(stream, viewer, address), self._sockets.registered(stream):
            return await stream.run(responses, seconds_left(viewer))

    async def refuse(
        self, request: web.Request, headers: Mapping[str, str], refused: Refused
    ) -> web.StreamResponse:
        """Tell a refusal as the protocol asks: an event, not a status."""

        async def nothing() -> AsyncGenerator[Response, None]:
            for response in ():
                yield response
            raise refused

        stream = EventStream(request, headers, self._keep_alive, self._write_timeout)
        return await stream.run(nothing(), None)


class EventStream:
    """One response that stays open."""

    def __init__(
        self,
        request: web.Request,
        headers: Mapping[str, str],
        keep_alive: float,
        write_timeout: float,
        finish: float = 0,
    ) -> None:
        self._request = request
        self._response = web.StreamResponse(headers={**headers, **STREAM_HEADERS})
        self._request_id = headers["X-Request-Id"]
        self._keep_alive = keep_alive
        self._write_timeout = write_timeout
        self._finish = finish
        self._tasks: list[asyncio.Task[Any]] = []
        self._revoked: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(
        self, responses: AsyncGenerator[Response, None], seconds: float | None
    ) -> web.StreamResponse:
        """Send everything within `seconds`; without an end of its own the stream just stops."""
        await self._response.prepare(self._request)
        sending = asyncio.create_task(self._send_all(responses))
        self._tasks = [sending, asyncio.create_task(self._comment())]
        try:
            await asyncio.wait(
                [*self._tasks, self._revoked], timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
            over = not any(task.done() for task in self._tasks)
        finally:
            await self._stop()
            self._report(sending)
        if over:
            with suppress(OSError):
                await self._refuse([refusal(Unauthenticated("The token has ended."))])
        return self._response

    def revoke(self) -> None:
        """End it at once: whoever it was let in for may not be here any more."""
        if not self._revoked.done():
            self._revoked.set_result(None)

    async def close(self, code: int, reason: str) -> None:
        """Stop without a `complete`, so that the client comes back; a mutation may end first."""
        if self._tasks and self._finish:
            await asyncio.wait(self._tasks[:1], timeout=self._finish)
        await self._stop()

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _report(self, sending: asyncio.Task[None]) -> None:
        error = None if sending.cancelled() else sending.exception()
        if error is not None and not isinstance(error, OSError):
            ErrorReport(self._request_id).raised(error)

    async def _send_all(self, responses: AsyncGenerator[Response, None]) -> None:
        await self._write(COMMENT)
        async with aclosing(responses):
            try:
                async for response in responses:
                    await self._write(next_event(response, self._request_id))
            except Refused as refused:
                await self._refuse(refused.errors)
            else:
                await self._write(COMPLETE)

    async def _refuse(self, errors: list[dict[str, Any]]) -> None:
        await self._write(next_event({"errors": errors}, self._request_id) + COMPLETE)

    async def _comment(self) -> None:
        while True:
            await asyncio.sleep(self._keep_alive)
            await self._write(COMMENT)

    async def _write(self, data: bytes) -> None:
        """Write, or cut the reader off; raises OSError when it is gone or too slow."""
        try:
            async with asyncio.timeout(self._write_timeout):
                await self._response.write(data)
        except TimeoutError:
            if self._request.transport is not None:
                self._request.transport.abort()
            raise
