"""The providers on offer: where each is asked, and what it says of a user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from app.auth import BadConfiguration
from app.config import Settings
from app.config_entries import SignInProvider
from app.outgoing import Outgoing
from models.accounts.accounts import CREDENTIAL
from models.accounts.linking import ProviderIdentity
from models.ports import Clock

GOOGLE = "https://accounts.google.com"


@dataclass(frozen=True, slots=True)
class Leaving:
    """What the browser takes along to a provider; the secrets of it stay in its cookie."""

    state: str
    nonce: str
    challenge: str
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class Returned:
    """What the browser brings back, with what its cookie kept."""

    code: str
    verifier: str
    nonce: str
    redirect_uri: str
    issuer: str | None


class Provider(Protocol):
    """One provider."""

    async def authorize_url(self, leaving: Leaving) -> str:
        """Where to send the browser. Raises Unavailable."""
        ...

    async def identity(self, returned: Returned) -> ProviderIdentity:
        """Who the user is there. Raises Unauthenticated and Unavailable."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


def providers_of(settings: Settings, clock: Clock, outgoing: Outgoing) -> dict[str, Provider]:
    """The providers by id, asked by a client that connects everywhere. Raises BadConfiguration."""
    from app.oauth.github import GitHub
    from app.oauth.oidc import OpenId

    if settings.sign_in_providers and settings.public_url is None and not settings.dev:
        raise BadConfiguration("PUNNET_SIGN_IN_PROVIDERS needs PUNNET_PUBLIC_URL.")
    found: dict[str, Provider] = {}
    for entry in settings.sign_in_providers:
        if entry.id == CREDENTIAL:
            raise BadConfiguration(f"PUNNET_SIGN_IN_PROVIDERS: {CREDENTIAL} means a password.")
        if entry.id == "github":
            found[entry.id] = GitHub(entry, outgoing)
        else:
            found[entry.id] = OpenId(entry, _issuer(entry), clock, outgoing)
    return found


def _issuer(entry: SignInProvider) -> str:
    issuer = entry.issuer or (GOOGLE if entry.id == "google" else None)
    if issuer is None:
        raise BadConfiguration(f"PUNNET_SIGN_IN_PROVIDERS: {entry.id} needs an issuer.")
    return issuer
