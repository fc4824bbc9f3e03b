"""What providers answer, read with suspicion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import structlog

from app.outgoing import Fetched, Limits, Outgoing, OutgoingFailed
from models.errors import Unavailable

# Redirects are not followed: what is sent there holds secrets.
LIMITS = Limits(size=256 << 10, total=10.0, silence=10.0, redirects=0)
JSON = {"Accept": "application/json"}

OUR_FAULT = frozenset(
    {
        "incorrect_client_credentials",
        "invalid_client",
        "invalid_request",
        "redirect_uri_mismatch",
        "server_error",
        "temporarily_unavailable",
        "unauthorized_client",
    }
)
"""Errors that say nothing against what a user granted."""
GRANT_REFUSED = frozenset({200, 400, 404, 422})
"""With these a provider tells that a code or a token does not hold."""

log = structlog.get_logger()

Answer = Mapping[str, Any]


class GrantRefused(Exception):
    """The provider takes this code or this token no more."""


async def asked(outgoing: Outgoing, method: str, url: str, **request: Any) -> list[Any] | Answer:
    """The JSON that a provider answers with. Raises Unavailable for anything else."""
    answer = await _fetched(outgoing, method, url, **request)
    if answer.status != 200:
        raise _refused(f"status {answer.status}")
    return _json(answer)


async def asked_object(outgoing: Outgoing, method: str, url: str, **request: Any) -> Answer:
    """The same for an answer that is an object."""
    found = await asked(outgoing, method, url, **request)
    if isinstance(found, list):
        raise _refused("no object")
    return found


async def tokens_for(outgoing: Outgoing, url: str, form: Answer, **request: Any) -> Answer:
    """The tokens that a provider gives for a code or a token.

    Raises GrantRefused where it gives none for it, and Unavailable.
    """
    answer = await _fetched(outgoing, "POST", url, data=form, **request)
    found = _json(answer) if answer.status in GRANT_REFUSED else None
    if not isinstance(found, dict):
        raise _refused(f"status {answer.status}")
    if answer.status == 200 and text_of(found, "access_token") is not None:
        return found
    if found.get("error") in OUR_FAULT:
        raise _refused(str(found["error"]))
    raise GrantRefused


def text_of(answer: Answer, name: str, longest: int = 20_000) -> str | None:
    """A member that is text, and not too long."""
    value = answer.get(name)
    return value if isinstance(value, str) and 0 < len(value) <= longest else None


async def _fetched(outgoing: Outgoing, method: str, url: str, **request: Any) -> Fetched:
    headers = JSON | request.pop("headers", {})
    try:
        return await outgoing.fetch(method, url, limits=LIMITS, headers=headers, **request)
    except OutgoingFailed as error:
        raise _refused(error.failure) from None


def _json(answer: Fetched) -> list[Any] | Answer:
    try:
        found = answer.json()
    except OutgoingFailed as error:
        raise _refused(error.failure) from None
    if not isinstance(found, dict | list):
        raise _refused("no object")
    return cast("list[Any] | Answer", found)


def _refused(reason: str) -> Unavailable:
    # Never the answer itself, which may hold tokens.
    log.warning("oauth.refused", reason=reason)
    return Unavailable("The provider does not answer as it should.", retry_after=5)
