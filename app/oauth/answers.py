"""What providers answer, read with suspicion."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import orjson
import structlog
from aiohttp import ClientError, ClientSession

from models.errors import Unavailable

MAX_BYTES = 256 << 10
TIMEOUT = 10.0  # seconds for one answer

log = structlog.get_logger()

Answer = Mapping[str, Any]


async def asked(
    session: ClientSession, method: str, url: str, **request: Any
) -> list[Any] | Answer:
    """The JSON that a provider answers with. Raises Unavailable for anything else.

    Redirects are not followed: what is sent there holds secrets.
    """
    headers = {"Accept": "application/json", **request.pop("headers", {})}
    try:
        async with (
            asyncio.timeout(TIMEOUT),
            session.request(
                method, url, headers=headers, allow_redirects=False, **request
            ) as response,
        ):
            body = await response.content.read(MAX_BYTES + 1)
            while len(body) <= MAX_BYTES and (more := await response.content.read(MAX_BYTES)):
                body += more
            if response.status != 200 or len(body) > MAX_BYTES:
                raise _refused(f"status {response.status}")
            found: object = orjson.loads(body)
    except (ClientError, OSError, ValueError) as error:
        raise _refused(type(error).__name__) from None
    if not isinstance(found, dict | list):
        raise _refused("no object")
    return cast("list[Any] | Answer", found)


async def asked_object(session: ClientSession, method: str, url: str, **request: Any) -> Answer:
    """The same for an answer that is an object."""
    found = await asked(session, method, url, **request)
    if isinstance(found, list):
        raise _refused("no object")
    return found


def text_of(answer: Answer, name: str, longest: int = 20_000) -> str | None:
    """A member that is text, and not too long."""
    value = answer.get(name)
    return value if isinstance(value, str) and 0 < len(value) <= longest else None


def _refused(reason: str) -> Unavailable:
    # Never the answer itself, which may hold tokens.
    log.warning("oauth.refused", reason=reason)
    return Unavailable("The provider does not answer as it should.", retry_after=5)
