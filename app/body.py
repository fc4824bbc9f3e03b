"""Read the body of a POST: JSON only, and never more than allowed."""

import asyncio

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from app.payload import GraphQLRequest, read_json, request_from_json
from models.errors import BadRequest, DomainError, TimedOut, TooLarge


class HttpRefusal(Exception):
    """A request that is refused before it is GraphQL, with the status to say so."""

    def __init__(self, status: int, error: DomainError) -> None:
        super().__init__(error.message)
        self.status = status
        self.error = error


async def read_request(request: web.Request, *, limit: int, seconds: float) -> GraphQLRequest:
    """The request in a body of at most `limit` bytes that arrives within `seconds`.

    Raises HttpRefusal (408, 413, 415), BadRequest or Invalid.
    """
    check_content(request)
    if request.content.is_eof():  # it came with the head, as small ones do
        body = await read_bounded(request, limit)
    else:
        body = await read_in_time(request, limit, seconds)
    return request_from_json(read_json(body))


async def read_in_time(request: web.Request, limit: int, seconds: float) -> bytes:
    """Read a body that is still coming. Raises HttpRefusal."""
    try:
        async with asyncio.timeout(seconds):
            return await read_bounded(request, limit)
    except TimeoutError as error:
        raise HttpRefusal(408, TimedOut("The request body took too long.")) from error


def check_content(request: web.Request) -> None:
    """Raise HttpRefusal for anything but plain JSON in UTF-8."""
    if request.content_type != "application/json":
        raise HttpRefusal(415, BadRequest("The content type must be application/json."))
    if (request.charset or "utf-8").lower() not in {"utf-8", "utf8"}:
        raise HttpRefusal(415, BadRequest("The charset must be utf-8."))
    # A small compressed body can unfold to a huge one.
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise HttpRefusal(415, BadRequest("The body must not be compressed."))


async def read_bounded(request: web.Request, limit: int) -> bytes:
    """Read to the end unless there is more than `limit` bytes, announced or not."""
    too_large = HttpRefusal(413, TooLarge(f"The body may have {limit} bytes."))
    if (request.content_length or 0) > limit:
        raise too_large
    body = bytearray()
    try:
        while not request.content.at_eof():
            body += await request.content.readany()
            if len(body) > limit:
                raise too_large
    except (web.RequestPayloadError, HttpProcessingError) as error:
        raise BadRequest("The body is not what its headers announce.") from error
    return bytes(body)
