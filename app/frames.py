"""The frames of WebSockets, written without a coroutine for those that need not wait."""

import asyncio
from struct import Struct
from typing import Final

from aiohttp import WSMsgType, web

HIGH_WATER: Final = 64 << 10
"""Bytes that may wait in the transport before frames are no longer taken at once."""

FINAL: Final = 0x80  # every frame is a whole message
_SHORT, _MEDIUM, _LONG = Struct("!BB").pack, Struct("!BBH").pack, Struct("!BBQ").pack


class Turn:
    """What the sockets of a process have to write in one turn of the event loop.

    It is written at the end of the turn: each socket's in one call to the system, and one call
    after the other, which takes far less time than calls with work in between.
    """

    def __init__(self) -> None:
        self._frames: list[Frames] = []

    def add(self, frames: "Frames") -> None:
        """Flush these frames at the end of the turn."""
        if not self._frames:
            asyncio.get_running_loop().call_soon(self._end)
        self._frames.append(frames)

    def _end(self) -> None:
        ended, self._frames = self._frames, []
        for frames in ended:
            frames.flush()


class Frames:
    """Writes to a socket that does not compress.

    Both ways write whole frames to the same transport, so they may follow each other.
    """

    __slots__ = ("_due", "_socket", "_transport", "_turn")

    def __init__(
        self, socket: web.WebSocketResponse, transport: asyncio.Transport | None, turn: Turn
    ) -> None:
        self._socket = socket
        self._transport = transport
        self._turn = turn
        self._due = b""

    def write(self, data: bytes, kind: WSMsgType) -> bool:
        """Take a frame for this turn, unless the reader is behind or gone; whether it was taken."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return False
        if len(self._due) + transport.get_write_buffer_size() > HIGH_WATER:
            return False
        frame = header(kind, len(data)) + data
        if self._due:
            self._due += frame
        else:
            self._due = frame
            self._turn.add(self)
        return True

    def flush(self) -> None:
        """Write what was taken."""
        due, self._due = self._due, b""
        if due and self._transport is not None and not self._transport.is_closing():
            self._transport.write(due)

    async def send(self, data: bytes, kind: WSMsgType) -> None:
        """Write a frame, waiting for a reader that is behind; raises OSError when it is gone."""
        self.flush()
        await self._socket.send_frame(data, kind)


def header(kind: int, size: int) -> bytes:
    """What comes before the payload (RFC 6455, 5.2); a server does not mask."""
    if size < 126:
        return _SHORT(FINAL | kind, size)
    if size < 1 << 16:
        return _MEDIUM(FINAL | kind, 126, size)
    return _LONG(FINAL | kind, 127, size)
