"""GitHub, which speaks OAuth but no OpenID: its API says who the user is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from yarl import URL

from app.oauth.answers import Answer, GrantRefused, asked, asked_object, text_of, tokens_for
from app.oauth.clients import bearer_header, code_form, leaving_query, secret_form
from models.accounts.linking import ProviderIdentity
from models.accounts.users import EMAIL_LIMIT, NAME_LIMIT
from models.errors import Unauthenticated

if TYPE_CHECKING:
    from app.config_entries import SignInProvider
    from app.oauth.providers import Leaving, Returned
    from app.outgoing import Outgoing

SCOPE = "read:user user:email"


class GitHub:
    """GitHub, or one of your own."""

    def __init__(self, entry: SignInProvider, outgoing: Outgoing) -> None:
        self._entry = entry
        self._url = URL(entry.url)
        self._api = entry.api_url.rstrip("/")
        self._outgoing = outgoing

    async def authorize_url(self, leaving: Leaving) -> str:
        """Where to send the browser."""
        query = leaving_query(self._entry, leaving, self._entry.scope or SCOPE)
        return str((self._url / "login/oauth/authorize").with_query(query))

    async def identity(self, returned: Returned) -> ProviderIdentity:
        """Who the user is there. Raises Unauthenticated and Unavailable."""
        form = code_form(returned) | secret_form(self._entry)
        try:
            url = str(self._url / "login/oauth/access_token")
            tokens = await tokens_for(self._outgoing, url, form)
        except GrantRefused:
            raise Unauthenticated("GitHub does not take this sign-in any more.") from None
        access = tokens["access_token"]
        bearer = bearer_header(access)
        user = await asked_object(self._outgoing, "GET", f"{self._api}/user", headers=bearer)
        emails = await asked(self._outgoing, "GET", f"{self._api}/user/emails", headers=bearer)
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
        await self._outgoing.close()


def _primary(emails: list[Any] | Answer) -> str | None:
    """The primary address, if GitHub has verified it."""
    for entry in emails if isinstance(emails, list) else []:
        if isinstance(entry, dict):
            known = cast("Answer", entry)
            if known.get("primary") is True and known.get("verified") is True:
                return text_of(known, "email", EMAIL_LIMIT)
    return None
