"""Tokens that Punnet signs itself: for guests always, for developers in development."""

import secrets
from datetime import datetime, timedelta

import orjson
from joserfc.jwk import OctKey
from joserfc.jws import serialize_compact

from app.auth.claims import Claims, Expected
from app.auth.secret import derive_key, previous_keys
from app.auth.signing import Algorithms, UnverifiedToken, verified_payload
from app.config import Settings
from models.errors import Forbidden, Unauthenticated
from models.ports import Clock

ALGORITHM = "HS256"
ISSUER = "punnet"
GUEST = "guest"
DEV = "dev"
GUEST_LIFETIME = timedelta(days=365)


class LocalTokens:
    """Issues and verifies HS256 tokens. The header's `kid` (`guest`, `dev`) names the purpose,
    and each purpose has a key of its own."""

    def __init__(self, settings: Settings, secret: bytes, clock: Clock) -> None:
        self._dev = settings.dev
        self._clock = clock
        self._algorithms = Algorithms([ALGORITHM])
        self._keys = {one: _keys(settings, secret, f"token:{one}") for one in (GUEST, DEV)}
        self._expected = {
            GUEST: Expected(ISSUER, f"punnet:{GUEST}", settings.jwt_leeway, "local", "guest"),
            DEV: Expected(ISSUER, f"punnet:{DEV}", settings.jwt_leeway, "local", "user"),
        }

    def issue_guest_token(self, user_id: str) -> str:
        """A token for the guest `user_id` (`usr_…`), good for 365 days."""
        if not user_id.startswith("usr_"):
            raise ValueError("a guest token is for a user id")
        return self._issue(GUEST, user_id, GUEST_LIFETIME)

    def issue_dev_token(
        self,
        subject: str,
        *,
        name: str | None = None,
        email: str | None = None,
        lifetime: timedelta = timedelta(days=1),
    ) -> str:
        """A token for any subject; its email counts as verified. Forbidden outside development."""
        if not self._dev:
            raise Forbidden("Developer tokens need PUNNET_DEV=true.")
        return self._issue(DEV, subject, lifetime, name=name, email=email)

    def verify(self, token: UnverifiedToken) -> Claims:
        """The claims of a token that this installation signed. Raises Unauthenticated."""
        purpose = token.kid
        if purpose is None or purpose not in self._keys:
            raise Unauthenticated("The token's signing key is unknown.")
        if purpose == DEV and not self._dev:
            raise Unauthenticated("Developer tokens are accepted in development only.")
        payload = verified_payload(token, self._keys[purpose], self._algorithms)
        return self._expected[purpose].read(payload, self._clock.now())

    def _issue(
        self,
        purpose: str,
        subject: str,
        lifetime: timedelta,
        *,
        name: str | None = None,
        email: str | None = None,
    ) -> str:
        now = self._clock.now()
        claims: dict[str, object] = {
            "iss": ISSUER,
            "aud": f"punnet:{purpose}",
            "sub": subject,
            "iat": _whole_seconds(now),
            "exp": _whole_seconds(now + lifetime),
            "jti": secrets.token_urlsafe(16),
        }
        if name is not None:
            claims["name"] = name
        if email is not None:
            claims |= {"email": email, "email_verified": True}
        header = {"alg": ALGORITHM, "kid": purpose, "typ": "JWT"}
        key = self._keys[purpose][0]
        return serialize_compact(header, orjson.dumps(claims), key, registry=self._algorithms)


def _whole_seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _keys(settings: Settings, secret: bytes, purpose: str) -> list[OctKey]:
    """The present key of a purpose, and those of previous secrets."""
    known = (derive_key(secret, purpose), *previous_keys(settings, purpose))
    return [OctKey.import_key(key) for key in known]
