"""What a WebSocket still has to send: bounded, written by one task once its reader is behind."""

import asyncio
from collections import deque
from typing import Protocol

from aiohttp import WSMsgType

ROOM = 10
"""Bytes that a frame takes besides its data, at most; so none is without."""


class SlowReader(Exception):
    """The other side does not read what it is sent."""


class Wire(Protocol):
    """Where frames go; see app.frames.Frames."""

    def write(self, data: bytes, kind: WSMsgType) -> bool:
        """Write a frame at once, unless the reader is behind or gone."""
        ...

    async def send(self, data: bytes, kind: WSMsgType) -> None:
        """Write a frame, waiting for the reader; raises OSError when it is gone."""
        ...


class Outbox:
    """A queue of frames, bounded in number and bytes; empty while the reader keeps up."""

    __slots__ = (
        "_bytes",
        "_drained",
        "_filled",
        "_frames",
        "_max_bytes",
        "_max_frames",
        "_wire",
        "_write_timeout",
    )

    def __init__(self, wire: Wire, max_frames: int, max_bytes: int, write_timeout: float) -> None:
        """`write_timeout` is the seconds one frame may wait for the reader."""
        self._wire = wire
        self._max_frames = max_frames
        self._max_bytes = max_bytes
        self._write_timeout = write_timeout
        self._frames: deque[tuple[bytes, WSMsgType]] = deque()
        self._bytes = 0
        self._filled = asyncio.Event()
        self._drained = asyncio.Event()

    def offer(self, data: bytes) -> bool:
        """Write a text frame at once; False when others wait or the reader is behind or gone."""
        return not self._bytes and self._wire.write(data, WSMsgType.TEXT)

    async def put(self, data: bytes) -> None:
        """Send a text frame, waiting for room; the loop gets its turn each time."""
        await asyncio.sleep(0)
        while self._is_full():
            self._drained.clear()
            await self._drained.wait()
        self._append(data, WSMsgType.TEXT)

    def push(self, data: bytes, kind: WSMsgType = WSMsgType.TEXT) -> None:
        """Send a short answer to the other side, or queue it at once.

        Raises SlowReader when it asks for more and more and reads nothing.
        """
        if len(self._frames) >= 2 * self._max_frames or self._bytes > 2 * self._max_bytes:
            raise SlowReader
        self._append(data, kind)

    async def flushed(self) -> None:
        """Wait until all is written."""
        while self._bytes:
            self._drained.clear()
            await self._drained.wait()

    async def run(self) -> None:
        """Write for ever; raises SlowReader, or OSError when the other side is gone."""
        while True:
            await self._filled.wait()
            data, kind = self._frames.popleft()
            await self._write(data, kind)
            self._bytes -= ROOM + len(data)
            if not self._frames:
                self._filled.clear()
            if not self._is_full():
                self._drained.set()

    async def _write(self, data: bytes, kind: WSMsgType) -> None:
        try:
            async with asyncio.timeout(self._write_timeout):
                await self._wire.send(data, kind)
        except TimeoutError as error:
            raise SlowReader from error

    def _append(self, data: bytes, kind: WSMsgType) -> None:
        if not self._bytes and self._wire.write(data, kind):
            return
        self._frames.append((data, kind))
        self._bytes += ROOM + len(data)
        self._filled.set()

    def _is_full(self) -> bool:
        return len(self._frames) >= self._max_frames or self._bytes >= self._max_bytes
