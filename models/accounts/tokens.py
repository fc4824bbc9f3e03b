"""Tokens that are stored as digests only."""

from __future__ import annotations

import hashlib
import secrets

SESSION_PREFIX = "pns_"
"""Begins the token of a session, so that it is known for one wherever it turns up."""


def new_session_token() -> str:
    """A token of 256 random bits."""
    return SESSION_PREFIX + secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """What is stored of a token: SHA-256, which is enough for what nobody can guess."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
