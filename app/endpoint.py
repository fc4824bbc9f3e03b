"""GraphQL over HTTP at one path; event streams and WebSockets start here too."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

import structlog
from aiohttp import hdrs, web

from app.body import HttpRefusal, read_request
from app.callers import Callers
from app.cors import Origins, check_get
from app.negotiation import EVENT_STREAM, Accepted, negotiate
from app.operations import Operations
from app.payload import GraphQLRequest, request_from_query
from app.responses import STATUS, answer
from app.sse import EventStreams
from app.websocket import WebSockets
from graphql_schema.core.engine import Response
from graphql_schema.core.errors import ErrorReport, Refused, error_codes, refusal
from graphql_schema.core.preparing import Prepared
from models.errors import BadRequest, DomainError

REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

log = structlog.get_logger()

METHODS = ("GET", "HEAD", "OPTIONS", "POST")


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request and what every answer to it needs."""

    request: web.Request
    request_id: str
    headers: dict[str, str]
    accepted: Accepted

    def answer(self, response: Response, status: int | None = None) -> web.Response:
        """Answer in JSON of the kind the client prefers; a refusal is logged, without its text."""
        found = answer(
            response,
            media_type=self.accepted.json,
            headers=self.headers,
            request_id=self.request_id,
            status=status,
        )
        if "data" not in response:
            log.info(
                "request.refused",
                request_id=self.request_id,
                method=self.request.method,
                status=found.status,
                codes=error_codes(response["errors"]),
            )
        return found

    def refuse(self, error: DomainError, status: int) -> web.Response:
        """Refuse before any GraphQL; the connection ends, since the body may be unread."""
        response = self.answer({"errors": [refusal(error)]}, status)
        if self.request.can_read_body:
            response.force_close()
        return response


RUNNER_OPTIONS: Mapping[str, Any] = {
    "handler_cancellation": True,
    "auto_decompress": False,
    "lingering_time": 2.0,
}
"""What web.AppRunner must be given: without the first, a client that goes away stops nothing."""


class Endpoint:
    """Answers every request to the GraphQL path."""

    def __init__(
        self,
        operations: Operations,
        *,
        origins: Origins,
        callers: Callers,
        streams: EventStreams,
        sockets: WebSockets,
        max_body: int,
        body_timeout: float,
    ) -> None:
        """`max_body` is in bytes, `body_timeout` in seconds."""
        self._operations = operations
        self._origins = origins
        self._callers = callers
        self._streams = streams
        self._sockets = sockets
        self._max_body = max_body
        self._body_timeout = body_timeout

    def add_to(self, app: web.Application, path: str = "/graphql") -> None:
        """Serve the path, whatever the method."""
        app.router.add_route("*", path, self.handle)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request; never raises but for cancellation."""
        call = self._call(request)
        try:
            return await self._dispatch(call)
        except HttpRefusal as refused:
            return call.refuse(refused.error, refused.status)
        except DomainError as error:
            return call.refuse(error, STATUS.get(error.code, 400))
        except Exception as error:  # noqa: BLE001 - masked and logged with the request's id
            return call.answer({"errors": [ErrorReport(call.request_id).raised(error)]}, 500)

    def _call(self, request: web.Request) -> Call:
        given = request.headers.get("X-Request-Id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else token_hex(16)
        headers = {
            "Server": "punnet",
            "X-Request-Id": request_id,
            **self._origins.response_headers(request.headers),
        }
        accept = ",".join(request.headers.getall(hdrs.ACCEPT, []))
        return Call(request, request_id, headers, negotiate(accept))

    async def _dispatch(self, call: Call) -> web.StreamResponse:
        request = call.request
        self._origins.check(request.headers)
        if request.method == hdrs.METH_OPTIONS:
            return self._preflight(call)
        if request.method not in METHODS:
            return self._not_allowed(call, "Use POST, or GET for a query.", *METHODS)
        if request.headers.get(hdrs.UPGRADE, "").lower() == "websocket":
            return await self._sockets.serve(
                request, self._callers.of(request), call.request_id, call.headers
            )
        if call.accepted.best is None:
            raise HttpRefusal(406, BadRequest("Accept application/graphql-response+json."))
        return await self._answer_request(call, await self._read(request))

    async def _read(self, request: web.Request) -> GraphQLRequest:
        if request.method == hdrs.METH_POST:
            return await read_request(request, limit=self._max_body, seconds=self._body_timeout)
        check_get(request.headers)
        return request_from_query(request.query)

    async def _answer_request(self, call: Call, asked: GraphQLRequest) -> web.StreamResponse:
        """Run a well-formed request in the way its kind and the client's wishes call for."""
        try:
            prepared = await self._operations.prepare(asked)
        except Refused as refused:
            if call.accepted.best == EVENT_STREAM and call.request.method != hdrs.METH_HEAD:
                return await self._streams.refuse(call.request, call.headers, refused)
            return call.answer({"errors": refused.errors})
        if prepared.kind == "mutation" and call.request.method != hdrs.METH_POST:
            return self._not_allowed(call, "A mutation needs POST.", "POST")
        if self._streams_answer(call, prepared):
            return await self._stream(call, asked, prepared)
        return await self._execute(call, asked, prepared)

    def _streams_answer(self, call: Call, prepared: Prepared) -> bool:
        if call.request.method == hdrs.METH_HEAD:
            return False
        if prepared.kind == "subscription":
            return call.accepted.events
        return call.accepted.best == EVENT_STREAM

    async def _execute(
        self, call: Call, asked: GraphQLRequest, prepared: Prepared
    ) -> web.StreamResponse:
        if prepared.kind == "subscription":
            return call.answer({"errors": [refusal(NEEDS_STREAM)]})
        caller = self._callers.of(call.request, cookies=True)
        try:
            viewer = await self._operations.authenticate(caller, call.request_id)
            response = await self._operations.execute(
                prepared, asked, viewer, caller, call.request_id
            )
            call.headers.update(self._operations.allowance(viewer, caller))
        except Refused as refused:
            response = {"errors": refused.errors}
        answer = call.answer(response)
        if caller.cookie is not None:
            caller.cookie.put_on(answer)
        return answer

    async def _stream(
        self, call: Call, asked: GraphQLRequest, prepared: Prepared
    ) -> web.StreamResponse:
        caller = self._callers.of(call.request)
        try:
            viewer = await self._operations.authenticate(caller, call.request_id)
            call.headers.update(self._operations.allowance(viewer, caller))
            responses = self._operations.responses(prepared, asked, viewer, caller, call.request_id)
            mutation = prepared.kind == "mutation"
            return await self._streams.serve(
                call.request,
                call.headers,
                viewer,
                responses,
                address=caller.client.address,
                mutation=mutation,
            )
        except Refused as refused:
            response: Response = {"errors": refused.errors}
            code = refused.errors[0]["extensions"]["code"]
            return call.answer(response, STATUS.get(code, 400))

    def _preflight(self, call: Call) -> web.Response:
        headers = {**call.headers, "Allow": ", ".join(METHODS)}
        if "Access-Control-Request-Method" in call.request.headers:
            headers |= self._origins.preflight_headers(call.request.headers)
        return web.Response(status=204, headers=headers)

    def _not_allowed(self, call: Call, message: str, *allowed: str) -> web.Response:
        response = call.refuse(BadRequest(message), 405)
        response.headers["Allow"] = ", ".join(allowed)
        return response


NEEDS_STREAM = BadRequest(
    "A subscription needs a WebSocket (graphql-transport-ws) or `Accept: text/event-stream`."
)
