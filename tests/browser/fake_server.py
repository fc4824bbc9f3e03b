"""A small GraphQL server on loopback: POST, graphql-transport-ws and CORS for loopback origins."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

from aiohttp import WSMsgType, web
from aiohttp.typedefs import Handler
from graphql import ExecutionResult, GraphQLSchema, graphql, parse, subscribe

from app.config import Settings
from app.graphiql import routes
from tests.browser.fake_schema import PROJECT_ID, Data, schema

TOKEN = "demo.token-for.tests"  # noqa: S105 - it opens nothing but this fake


def application(*, pause: float = 0.25) -> web.Application:
    """GraphiQL and a fake endpoint that knows one token, `TOKEN`. `pause` is seconds per piece."""
    endpoint = _Endpoint(schema(), Data(pause))
    app = web.Application(middlewares=[_loopback_origins])
    pages = routes(
        Settings(dev=True), examples={"projectId": PROJECT_ID}, token=lambda: TOKEN
    )
    app.add_routes([*pages, web.post("/graphql", endpoint.post), web.get("/graphql", endpoint.socket)])
    app.on_shutdown.append(endpoint.close)
    return app


@web.middleware
async def _loopback_origins(request: web.Request, handler: Handler) -> web.StreamResponse:
    origin = request.headers.get("Origin", "")
    allowed = request.path == "/graphql" and urlsplit(origin).hostname in ("127.0.0.1", "localhost")
    if request.method == "OPTIONS":
        response: web.StreamResponse = web.Response(status=204)
        if allowed:
            response.headers["Access-Control-Allow-Headers"] = "authorization, content-type"
            response.headers["Access-Control-Allow-Methods"] = "GET, POST"
    else:
        response = await handler(request)
    if allowed and not response.prepared:
        response.headers["Access-Control-Allow-Origin"] = origin
    return response


class _Endpoint:
    def __init__(self, built: GraphQLSchema, data: Data) -> None:
        self.schema, self.data = built, data
        self.sockets: set[web.WebSocketResponse] = set()

    async def close(self, _: web.Application) -> None:
        for socket in list(self.sockets):
            await socket.close(code=1001)

    def context(self, authorization: object) -> dict[str, Any]:
        return {"data": self.data, "viewer": authorization == f"Bearer {TOKEN}"}

    async def post(self, request: web.Request) -> web.Response:
        body = await request.json()
        result = await graphql(
            self.schema,
            body["query"],
            context_value=self.context(request.headers.get("Authorization")),
            variable_values=body.get("variables"),
            operation_name=body.get("operationName"),
        )
        return web.json_response(result.formatted)

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=("graphql-transport-ws",))
        await socket.prepare(request)
        self.sockets.add(socket)
        running: dict[str, asyncio.Task[None]] = {}
        context: dict[str, Any] = {}
        async for frame in socket:
            if frame.type is not WSMsgType.TEXT:
                break
            message = json.loads(frame.data)
            match message["type"]:
                case "connection_init":
                    context = self.context((message.get("payload") or {}).get("authorization"))
                    await socket.send_json({"type": "connection_ack"})
                case "ping":
                    await socket.send_json({"type": "pong"})
                case "subscribe":
                    running[message["id"]] = asyncio.create_task(
                        self.stream(socket, message, context)
                    )
                case "complete":
                    running.pop(message["id"]).cancel()
                case _:
                    break
        self.sockets.discard(socket)
        for task in running.values():
            task.cancel()
        await asyncio.gather(*running.values(), return_exceptions=True)
        return socket

    async def stream(
        self, socket: web.WebSocketResponse, message: dict[str, Any], context: dict[str, Any]
    ) -> None:
        payload = message["payload"]
        results = subscribe(
            self.schema,
            parse(payload["query"]),
            context_value=context,
            variable_values=payload.get("variables"),
            operation_name=payload.get("operationName"),
        )
        if not isinstance(results, ExecutionResult | AsyncIterator):
            results = await results
        if isinstance(results, ExecutionResult):
            errors = [error.formatted for error in results.errors or ()]
            await socket.send_json({"id": message["id"], "type": "error", "payload": errors})
            return
        async for result in results:
            event = {"id": message["id"], "type": "next", "payload": result.formatted}
            await socket.send_json(event)
        await socket.send_json({"id": message["id"], "type": "complete"})
