"""The frames of one WebSocket, without a coroutine for those that need not wait."""

import asyncio
from struct import Struct
from typing import Final

from aiohttp import WSMsgType, web

HIGH_WATER: Final = 64 << 10
"""Bytes that may wait in the transport before frames are no longer written at once."""

FINAL: Final = 0x80  # every frame is a whole message
_SHORT, _MEDIUM, _LONG = Struct("!BB"), Struct("!BBH"), Struct("!BBQ")


class Frames:
    """Writes to a socket that does not compress.

    Both ways write whole frames to the same transport, so they may follow each other.
    """

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport | None) -> None:
        self._socket = socket
        self._transport = transport

    def write(self, data: bytes, kind: WSMsgType) -> bool:
        """Write a frame, unless the reader is behind or gone; returns whether it was written."""
        transport = self._transport
        if (
            transport is None
            or transport.is_closing()
            or transport.get_write_buffer_size() > HIGH_WATER
        ):
            return False
        transport.write(header(kind, len(data)) + data)
        return True

    async def send(self, data: bytes, kind: WSMsgType) -> None:
        """Write a frame, waiting for a reader that is behind; raises OSError when it is gone."""
        await self._socket.send_frame(data, kind)


def header(kind: int, size: int) -> bytes:
    """What comes before the payload (RFC 6455, 5.2); a server does not mask."""
    if size < 126:
        return _SHORT.pack(FINAL | kind, size)
    if size < 1 << 16:
        return _MEDIUM.pack(FINAL | kind, 126, size)
    return _LONG.pack(FINAL | kind, 127, size)
