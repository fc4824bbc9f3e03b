"""What a browser keeps while it is away at a provider: one cookie, encrypted, for ten minutes."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import orjson

from app.oauth.providers import Leaving, Returned
from models.accounts.tokens import digest
from models.errors import Unauthenticated
from models.ports import Vault

LIFETIME = timedelta(minutes=10)
BROWSER = "browser"


class Purpose(StrEnum):
    """What a browser goes to a provider for; an errand is good for one of them."""

    SIGN_IN = "sign-in through a provider"
    CONNECT = "connection to a service"


@dataclass(frozen=True, slots=True)
class Errand:
    """One errand under way: what comes back is compared with it."""

    purpose: Purpose
    provider: str
    redirect_to: str
    redirect_uri: str
    state: str
    nonce: str
    verifier: str
    ends_at: float
    link_to: str | None = None
    link_session: str | None = None
    guest_id: str | None = None
    code_challenge: str | None = None

    @classmethod
    def new(
        cls,
        purpose: Purpose,
        provider: str,
        redirect_to: str,
        redirect_uri: str,
        now: datetime,
        **whose: str | None,
    ) -> Errand:
        """An errand with secrets of its own; `whose` are its last fields."""
        return cls(
            purpose,
            provider,
            redirect_to,
            redirect_uri,
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            ends_at=(now + LIFETIME).timestamp(),
            **whose,
        )

    @property
    def leaving(self) -> Leaving:
        """What the browser takes along."""
        return Leaving(self.state, self.nonce, challenge_of(self.verifier), self.redirect_uri)

    def returned(self, code: str, issuer: str | None) -> Returned:
        """What is told to the provider, once the browser is back."""
        return Returned(code, self.verifier, self.nonce, self.redirect_uri, issuer)

    def sealed(self, vault: Vault) -> str:
        """The cookie's value."""
        text = orjson.dumps(asdict(self)).decode()
        return vault.seal(text, owner=BROWSER, purpose=self.purpose)


def challenge_of(verifier: str) -> str:
    """What PKCE tells of a verifier beforehand."""
    hashed = hashlib.sha256(verifier.encode("utf-8", "surrogatepass")).digest()
    return urlsafe_b64encode(hashed).rstrip(b"=").decode()


def open_errand(
    vault: Vault, sealed: str, purpose: Purpose, provider: str, state: str, now: datetime
) -> Errand:
    """The errand of a cookie. Raises Unauthenticated unless it holds for this return."""
    try:
        errand = Errand(**orjson.loads(vault.open(sealed, owner=BROWSER, purpose=purpose)))
    except (ValueError, TypeError):
        raise Unauthenticated("This did not begin in this browser.") from None
    same = hmac.compare_digest(errand.state.encode(), state.encode("utf-8", "surrogatepass"))
    if not same or errand.provider != provider:
        raise Unauthenticated("This did not begin in this browser.")
    if errand.ends_at <= now.timestamp():
        raise Unauthenticated("This took too long; begin again.")
    return errand


def cookie_of(state: str, *, secure: bool) -> str:
    """The name of an errand's cookie: two that are under way at once keep apart."""
    name = f"punnet_errand_{digest(state)[:12]}"
    return f"__Host-{name}" if secure else name
