"""What a token says, once its signature holds: read strictly where it grants, gently elsewhere."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, cast

from models.errors import Unauthenticated

MAX_TEXT = 255
MAX_EMAIL = 320
MAX_URL = 2000

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_LATEST = datetime(9999, 12, 31, tzinfo=UTC).timestamp()


@dataclass(frozen=True, slots=True)
class Claims:
    """Who a verified token speaks for.

    `subject` is unique only together with `issuer`; a guest's is its user id. `email_verified`
    is never true without an email. `token_id` is the token's `jti`.
    """

    subject: str
    issuer: Literal["external", "local"]
    kind: Literal["user", "guest"]
    email: str | None
    email_verified: bool
    name: str | None
    picture: str | None
    expires_at: datetime | None
    token_id: str | None


@dataclass(frozen=True, slots=True)
class Expected:
    """What a source of tokens must say of itself. `leeway` is in seconds.

    An `audience` of None accepts any. `iss` is compared as it stands: Auth0's ends in a slash,
    others' do not.
    """

    iss: str
    audience: str | None
    leeway: int
    issuer: Literal["external", "local"]
    kind: Literal["user", "guest"]

    def read(self, payload: Mapping[str, Any], now: datetime) -> Claims:
        """Check a verified payload against `now`. Raises Unauthenticated."""
        if payload.get("iss") != self.iss:
            raise Unauthenticated("The token is from another issuer.")
        if self.audience is not None and self.audience not in _audiences(payload):
            raise Unauthenticated("The token is for another audience.")
        expires_at = self._check_times(payload, now.timestamp())
        subject = _text(payload, "sub", MAX_TEXT)
        if subject is None:
            raise Unauthenticated("The token has no usable subject.")
        email = _text(payload, "email", MAX_EMAIL)
        # Some providers (Cognito, Apple) write the boolean as text.
        verified = payload.get("email_verified") in (True, "true")
        picture = _text(payload, "picture", MAX_URL)
        if picture is not None and not picture.startswith(("https://", "http://")):
            picture = None
        return Claims(
            subject=subject,
            issuer=self.issuer,
            kind=self.kind,
            email=email,
            email_verified=verified and email is not None,
            name=_text(payload, "name", MAX_TEXT),
            picture=picture,
            expires_at=expires_at,
            token_id=_text(payload, "jti", MAX_TEXT),
        )

    def _check_times(self, payload: Mapping[str, Any], now: float) -> datetime:
        expires = _seconds(payload, "exp")
        if expires is None:
            raise Unauthenticated("The token has no expiry.")
        if now >= expires + self.leeway:
            raise Unauthenticated("The token has expired.")
        not_before, issued = _seconds(payload, "nbf"), _seconds(payload, "iat")
        if not_before is not None and now + self.leeway < not_before:
            raise Unauthenticated("The token is not valid yet.")
        if issued is not None and now + self.leeway < issued:
            raise Unauthenticated("The token was issued in the future.")
        return datetime.fromtimestamp(expires, UTC)


def _audiences(payload: Mapping[str, Any]) -> list[object]:
    """`aud` as a list; a token without one (Clerk's) is for the party it was issued to, `azp`."""
    found = payload.get("aud", payload.get("azp"))
    return cast("list[object]", found) if isinstance(found, list) else [found]


def _seconds(payload: Mapping[str, Any], name: str) -> float | None:
    value = payload.get(name)
    if value is None:
        return None
    # A bool is an int to Python, and a date past year 9999 none at all.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LATEST:
        raise Unauthenticated("The token's times are malformed.")
    return value


def _text(payload: Mapping[str, Any], name: str, longest: int) -> str | None:
    """A claim that is text of 1 to `longest` characters without control codes, else None."""
    value = payload.get(name)
    if not isinstance(value, str) or len(value) > longest or _CONTROL.search(value):
        return None
    return value if value.strip() else None
