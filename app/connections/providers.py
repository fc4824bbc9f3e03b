"""The services on offer, and how each is spoken to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, cast

from yarl import URL

from app.auth import BadConfiguration
from app.oauth.answers import LIMITS, Answer, asked_object, text_of, tokens_for
from app.oauth.clients import (
    basic_header,
    bearer_header,
    code_form,
    leaving_query,
    secret_form,
)
from app.outgoing import Failure, OutgoingFailed
from models.accounts.oauth_connections import OAuthProvider, Tokens
from models.errors import Unavailable

if TYPE_CHECKING:
    from app.config import Settings
    from app.config_entries import ConnectionEntry
    from app.oauth.providers import Leaving, Returned
    from app.outgoing import Outgoing

PUBLIC_GITHUB = "https://api.github.com"
LONGEST_LIFE = timedelta(days=3_650)
GONE = frozenset({200, 204, 400, 404, 422})
"""With these a provider tells that a token holds no more, or never did."""


class Service(Protocol):
    """One service. All but `authorize_url` raise Unavailable."""

    asked_scope: str

    def authorize_url(self, leaving: Leaving) -> str:
        """Where to send the browser."""
        ...

    async def tokens(self, returned: Returned) -> Tokens:
        """The tokens for a code. Raises GrantRefused."""
        ...

    async def renewed(self, refresh: str) -> Tokens:
        """The tokens for a refresh token. Raises GrantRefused."""
        ...

    async def account(self, access: str) -> Mapping[str, Any]:
        """Who the user is there: `id`, `login`, `name` and `avatarUrl`."""
        ...

    async def revoke(self, access: str) -> None:
        """Have a token forgotten."""
        ...


class GitHub:
    """GitHub, or one of your own."""

    def __init__(self, entry: ConnectionEntry, outgoing: Outgoing) -> None:
        self._entry = entry
        self._url = URL(entry.url or "https://github.com")
        self.api_url = (entry.api_url or PUBLIC_GITHUB).rstrip("/")
        self._outgoing = outgoing
        self.asked_scope = entry.scope or "repo read:user"

    def authorize_url(self, leaving: Leaving) -> str:
        """Where to send the browser."""
        query = leaving_query(self._entry, leaving, self.asked_scope)
        return str((self._url / "login/oauth/authorize").with_query(query))

    async def tokens(self, returned: Returned) -> Tokens:
        """The tokens for a code."""
        return await self._asked(code_form(returned))

    async def renewed(self, refresh: str) -> Tokens:
        """The tokens for a refresh token, which is spent by it."""
        return await self._asked({"grant_type": "refresh_token", "refresh_token": refresh})

    async def account(self, access: str) -> Mapping[str, Any]:
        """Who the user is there."""
        url, bearer = f"{self.api_url}/user", bearer_header(access)
        user = await asked_object(self._outgoing, "GET", url, headers=bearer)
        return _account(user, login="login", avatar="avatar_url")

    async def revoke(self, access: str) -> None:
        """Have this one token forgotten: the user may have connected anew meanwhile."""
        url = f"{self.api_url}/applications/{self._entry.client_id}/token"
        told = {"headers": basic_header(self._entry), "json": {"access_token": access}}
        await _told(self._outgoing, "DELETE", url, **told)

    async def _asked(self, form: Mapping[str, str]) -> Tokens:
        url = str(self._url / "login/oauth/access_token")
        asking = {**form, **secret_form(self._entry)}
        return _tokens(await tokens_for(self._outgoing, url, asking))


class Figma:
    """Figma, which keeps a refresh token for good."""

    def __init__(self, entry: ConnectionEntry, outgoing: Outgoing) -> None:
        self._entry = entry
        self._url = URL(entry.url or "https://www.figma.com")
        self._api = (entry.api_url or "https://api.figma.com").rstrip("/")
        self._outgoing = outgoing
        self.asked_scope = entry.scope or "current_user:read file_content:read"

    def authorize_url(self, leaving: Leaving) -> str:
        """Where to send the browser."""
        query = leaving_query(self._entry, leaving, self.asked_scope)
        return str((self._url / "oauth").with_query(query))

    async def tokens(self, returned: Returned) -> Tokens:
        """The tokens for a code."""
        return await self._asked("token", code_form(returned))

    async def renewed(self, refresh: str) -> Tokens:
        """The tokens for a refresh token, which holds on."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh}
        return await self._asked("refresh", form)

    async def account(self, access: str) -> Mapping[str, Any]:
        """Who the user is there."""
        url, bearer = f"{self._api}/v1/me", bearer_header(access)
        user = await asked_object(self._outgoing, "GET", url, headers=bearer)
        return _account(user, login="handle", avatar="img_url")

    async def revoke(self, access: str) -> None:
        """Have a token forgotten."""
        told = {"headers": basic_header(self._entry), "data": {"token": access}}
        await _told(self._outgoing, "POST", f"{self._api}/v1/oauth/revoke", **told)

    async def _asked(self, what: str, form: Mapping[str, str]) -> Tokens:
        url, basic = f"{self._api}/v1/oauth/{what}", basic_header(self._entry)
        return _tokens(await tokens_for(self._outgoing, url, form, headers=basic))


SERVICES = {OAuthProvider.FIGMA: Figma, OAuthProvider.GITHUB: GitHub}


def services_of(settings: Settings, outgoing: Outgoing) -> dict[OAuthProvider, Service]:
    """The services by id. Raises BadConfiguration."""
    if settings.connections and settings.public_url is None and not settings.dev:
        raise BadConfiguration("PUNNET_CONNECTIONS needs PUNNET_PUBLIC_URL.")
    known = {OAuthProvider(entry.id): entry for entry in settings.connections}
    return {id: SERVICES[id](entry, outgoing) for id, entry in known.items()}


def _tokens(answer: Answer) -> Tokens:
    seconds = answer.get("expires_in")
    lasting = isinstance(seconds, int) and 0 < seconds < LONGEST_LIFE.total_seconds()
    return Tokens(
        access=str(answer["access_token"]),
        refresh=text_of(answer, "refresh_token"),
        lifetime=timedelta(seconds=cast("int", seconds)) if lasting else None,
        scope=text_of(answer, "scope", 5_000),
    )


def _account(user: Answer, *, login: str, avatar: str) -> Mapping[str, Any]:
    id = user.get("id")
    if not isinstance(id, str | int):
        raise Unavailable("The provider does not say who this is.", retry_after=5)
    named = {"login": login, "name": "name", "avatarUrl": avatar}
    told = {name: text_of(user, source, 2_000) for name, source in named.items()}
    return {"id": str(id)[:255]} | {name: text for name, text in told.items() if text is not None}


async def _told(outgoing: Outgoing, method: str, url: str, **request: Any) -> None:
    answer = await outgoing.fetch(method, url, limits=LIMITS, **request)
    if answer.status not in GONE:
        raise OutgoingFailed(Failure.GARBLED)
