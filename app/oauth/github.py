"""GitHub, which speaks OAuth but no OpenID: its API says who the user is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from aiohttp import ClientSession
from yarl import URL

from app.oauth.answers import Answer, asked, asked_object, text_of
from models.accounts.linking import ProviderIdentity
from models.accounts.users import EMAIL_LIMIT, NAME_LIMIT
from models.errors import Unauthenticated

if TYPE_CHECKING:
    from app.config_entries import SignInProvider
    from app.oauth.providers import Leaving, Returned

SCOPE = "read:user user:email"


class GitHub:
    """GitHub, or one of your own."""

    def __init__(self, entry: SignInProvider, new_session: Callable[[], ClientSession]) -> None:
        self._entry = entry
        self._url = URL(entry.url)
        self._api = entry.api_url.rstrip("/")
        self._new_session = new_session
        self._session: ClientSession | None = None

    async def authorize_url(self, leaving: Leaving) -> str:
        """Where to send the browser."""
        query = {
            "client_id": self._entry.client_id,
            "redirect_uri": leaving.redirect_uri,
            "scope": self._entry.scope or SCOPE,
            "state": leaving.state,
            "code_challenge": leaving.challenge,
            "code_challenge_method": "S256",
        }
        return str((self._url / "login/oauth/authorize").with_query(query))

    async def identity(self, returned: Returned) -> ProviderIdentity:
        """Who the user is there. Raises Unauthenticated and Unavailable."""
        form = {
            "client_id": self._entry.client_id,
            "client_secret": self._entry.client_secret.get_secret_value(),
            "code": returned.code,
            "redirect_uri": returned.redirect_uri,
            "code_verifier": returned.verifier,
        }
        url = str(self._url / "login/oauth/access_token")
        tokens = await asked_object(self._client(), "POST", url, data=form)
        access = text_of(tokens, "access_token")
        if access is None:  # GitHub tells of a bad code with status 200
            raise Unauthenticated("GitHub does not take this sign-in any more.")
        bearer = {"Authorization": f"Bearer {access}"}
        user = await asked_object(self._client(), "GET", f"{self._api}/user", headers=bearer)
        emails = await asked(self._client(), "GET", f"{self._api}/user/emails", headers=bearer)
        if not isinstance(user.get("id"), int):
            raise Unauthenticated("GitHub does not say who this is.")
        email = _primary(emails)
        return ProviderIdentity(
            provider_id=self._entry.id,
            account_id=str(user["id"]),
            email=email,
            email_verified=email is not None,
            name=text_of(user, "name", NAME_LIMIT) or text_of(user, "login", NAME_LIMIT),
            avatar_url=text_of(user, "avatar_url", 2_000),
            access_token=access,
            refresh_token=text_of(tokens, "refresh_token"),
            scope=text_of(tokens, "scope", 5_000),
        )

    async def close(self) -> None:
        """Let go of connections."""
        if self._session is not None:
            await self._session.close()

    def _client(self) -> ClientSession:
        if self._session is None:
            self._session = self._new_session()
        return self._session


def _primary(emails: list[Any] | Answer) -> str | None:
    """The primary address, if GitHub has verified it."""
    for entry in emails if isinstance(emails, list) else []:
        if isinstance(entry, dict):
            known = cast("Answer", entry)
            if known.get("primary") is True and known.get("verified") is True:
                return text_of(known, "email", EMAIL_LIMIT)
    return None
