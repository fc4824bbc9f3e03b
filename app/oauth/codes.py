"""Codes for clients that keep no cookies: each is exchanged for its session's token, once and soon.

A code is of no use to who intercepts it: only who knows the verifier of its challenge, as PKCE has
it, gets the token.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import orjson

from app.oauth.flow import challenge_of
from models.errors import Invalid
from models.ports import Vault

LIFETIME = timedelta(minutes=1)
_BOUND = {"owner": "client", "purpose": "code for a session"}
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Code:
    """What is in a code: the session's first token, which the exchange replaces."""

    token: str
    challenge: str
    ends_at: float


def checked_challenge(given: str | None) -> str | None:
    """The challenge of a client without cookies. Raises Invalid for what is no SHA-256."""
    if given is not None and not _CHALLENGE.fullmatch(given):
        raise Invalid("Must be a SHA-256 in base64url.", field="codeChallenge")
    return given


def sealed_code(vault: Vault, token: str, challenge: str, now: datetime) -> str:
    """The code of a session that was just opened."""
    code = Code(token, challenge, (now + LIFETIME).timestamp())
    return vault.seal(orjson.dumps(asdict(code)).decode(), **_BOUND)


def token_in(vault: Vault, sealed: str, verifier: str, now: datetime) -> str:
    """The token to be replaced, for who knows the verifier. Raises Invalid."""
    try:
        code = Code(**orjson.loads(vault.open(sealed, **_BOUND)))
    except (ValueError, TypeError):
        raise _refused() from None
    proven = hmac.compare_digest(code.challenge, challenge_of(verifier))
    if not proven or code.ends_at <= now.timestamp():
        raise _refused()
    return code.token


def _refused() -> Invalid:
    return Invalid("This code does not hold any more; sign in anew.", field="code")
