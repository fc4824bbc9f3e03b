"""GraphQL over WebSocket (graphql-transport-ws): the handshake.

Close codes beyond those of the protocol: 1001 the server shuts down, 1009 a message is too
large, 1011 a defect of ours, 1013 the reader is too slow, the user has too many sockets or
the server cannot serve just now (come back later, all three), 4403 the token does not hold or
has expired, 4408 no connection_init, or no answer to a ping, in time.
"""

from collections.abc import Mapping

from aiohttp import hdrs, web

from app.body import HttpRefusal
from app.callers import Caller
from app.connection import Connection, SocketLimits
from app.frames import Frames, Turn
from app.messages import PROTOCOL
from app.operations import Operations
from app.sockets import Sockets
from models.errors import BadRequest


class WebSockets:
    """Accepts sockets and serves each until it ends."""

    def __init__(self, operations: Operations, sockets: Sockets, limits: SocketLimits) -> None:
        self._operations = operations
        self._sockets = sockets
        self._limits = limits
        self._turn = Turn()

    async def serve(
        self,
        request: web.Request,
        caller: Caller,
        request_id: str,
        headers: Mapping[str, str],
    ) -> web.StreamResponse:
        """Shake hands and talk; raises HttpRefusal when it is no handshake."""
        offered = request.headers.get(hdrs.SEC_WEBSOCKET_PROTOCOL, "")
        names = [name.strip() for name in offered.split(",")]
        # Another protocol is accepted only to be closed with a code that its client can read.
        socket = self._response(PROTOCOL if PROTOCOL in names else names[0])
        if request.method != hdrs.METH_GET or not socket.can_prepare(request):
            raise HttpRefusal(400, BadRequest("This is not a WebSocket handshake."))
        socket.headers.update(headers)
        frames = Frames(socket, request.transport, self._turn)
        connection = Connection(
            socket,
            frames,
            request,
            caller,
            request_id,
            self._operations,
            self._sockets,
            self._limits,
        )
        with self._sockets.registered(connection):
            await socket.prepare(request)
            if PROTOCOL not in names:
                connection.end(4406, "Subprotocol not acceptable")
            await connection.run()
        return socket

    def _response(self, protocol: str) -> web.WebSocketResponse:
        # A compressed message could unfold to a huge one.
        return web.WebSocketResponse(
            protocols=[protocol],
            timeout=self._limits.close_timeout,
            autoping=False,
            compress=False,
            max_msg_size=self._limits.message,
        )
