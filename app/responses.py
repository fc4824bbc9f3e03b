"""HTTP responses that hold a GraphQL response."""

from collections.abc import Awaitable, Callable, Mapping

import orjson
from aiohttp import web

from app.body import HttpRefusal
from app.negotiation import GRAPHQL_JSON, JSON
from graphql_schema.core.engine import Response
from graphql_schema.core.errors import ErrorReport
from models.errors import DomainError, ErrorCode

STATUS = {
    ErrorCode.UNAUTHENTICATED: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.CONFLICT: 409,
    # As Apollo Server has it: a client that asks again with the text met no failure.
    ErrorCode.PERSISTED_QUERY_NOT_FOUND: 200,
    ErrorCode.PERSISTED_QUERY_NOT_SUPPORTED: 200,
    ErrorCode.TOO_LARGE: 413,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.INTERNAL: 500,
    ErrorCode.UNAVAILABLE: 503,
    ErrorCode.TIMEOUT: 504,
}
"""The status of an operation refused as a whole; every other code is a 400."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

SAFE_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def encode(response: Response, request_id: str) -> bytes:
    """The response as JSON; a value that JSON cannot hold is a defect, logged and masked."""
    try:
        return orjson.dumps(response)
    except TypeError as error:
        return orjson.dumps({"errors": [ErrorReport(request_id).raised(error)]})


def status_of(response: Response) -> int:
    """The status by the code of the first error: 200 as soon as there is `data`."""
    if "data" in response:
        return 200
    return STATUS.get(response["errors"][0]["extensions"]["code"], 400)


def answer(
    response: Response,
    *,
    media_type: str | None,
    headers: Mapping[str, str],
    request_id: str,
    status: int | None = None,
) -> web.Response:
    """Answer in the media type, JSON where none is acceptable.

    A given `status` is that of a request which is not well formed or not let in. Otherwise
    `application/json` is always a 200: its readers cannot tell whose another status is.
    """
    kind = media_type or JSON
    if status is None:
        status = status_of(response) if kind == GRAPHQL_JSON else 200
    return web.Response(
        body=encode(response, request_id),
        status=status,
        headers={
            **headers,
            **SAFE_HEADERS,
            **hints(response, status),
            "Content-Type": f"{kind}; charset=utf-8",
        },
    )


def plain_refusal(error: DomainError, status: int | None = None) -> web.Response:
    """A refusal of what is no GraphQL, in the form of a GraphQL error."""
    body = {"message": error.message, "extensions": error.extensions}
    status = STATUS.get(error.code, 400) if status is None else status
    response: Response = {"errors": [body]}
    return web.json_response(response, status=status, headers=hints(response, status))


async def answered(handler: Handler, request: web.Request) -> web.StreamResponse:
    """What a route of no GraphQL answers, or its refusal."""
    try:
        return await handler(request)
    except HttpRefusal as refused:
        return plain_refusal(refused.error, refused.status)
    except DomainError as error:
        return plain_refusal(error)


def hints(response: Response, status: int) -> dict[str, str]:
    """Headers that tell a client what to do next: sign in, or wait."""
    found: dict[str, str] = {}
    if status == 401:
        found["WWW-Authenticate"] = "Bearer"
    for error in response.get("errors", [])[:1]:
        if "data" not in response and "retryAfter" in error["extensions"]:
            found["Retry-After"] = str(error["extensions"]["retryAfter"])
    return found
