"""OpenID Connect: discovery, the code for tokens, and the identity token checked."""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aiohttp import ClientSession
from yarl import URL

from app.auth.claims import Expected
from app.auth.jwks import Jwks
from app.auth.signing import Algorithms, parse, verified_payload
from app.oauth.answers import Answer, GrantRefused, asked_object, text_of, tokens_for
from app.oauth.clients import basic_header, code_form, leaving_query, secret_form
from models.accounts.linking import ProviderIdentity
from models.errors import Unauthenticated, Unavailable

if TYPE_CHECKING:
    from app.auth.claims import Claims
    from app.config_entries import SignInProvider
    from app.oauth.providers import Leaving, Returned
    from app.outgoing import Outgoing
    from models.ports import Clock

SCOPE = "openid email profile"
DISCOVERED_FOR = timedelta(hours=1)
LEEWAY = 30  # seconds of clock difference
ALGORITHMS = ("RS256", "ES256", "PS256", "EdDSA")


class OpenId:
    """One OpenID issuer; its addresses are looked up when they are first needed."""

    def __init__(
        self,
        entry: SignInProvider,
        issuer: str,
        clock: Clock,
        outgoing: Outgoing,
    ) -> None:
        self._entry = entry
        self._issuer = issuer
        self._clock = clock
        self._outgoing = outgoing
        self._known: Answer = {}
        self._known_at: datetime | None = None
        self._jwks: Jwks | None = None
        self._algorithms = Algorithms(ALGORITHMS)
        self._expected = Expected(issuer, entry.client_id, LEEWAY, "external", "user")

    async def authorize_url(self, leaving: Leaving) -> str:
        """Where to send the browser. Raises Unavailable."""
        query = leaving_query(self._entry, leaving, self._entry.scope or SCOPE)
        query["nonce"] = leaving.nonce
        return str(URL(await self._address("authorization_endpoint")).update_query(query))

    async def identity(self, returned: Returned) -> ProviderIdentity:
        """Who the user is there. Raises Unauthenticated and Unavailable."""
        if returned.issuer is not None and returned.issuer != self._issuer:
            raise Unauthenticated("The answer is from another issuer.")
        tokens = await self._tokens(returned)
        id_token = text_of(tokens, "id_token")
        if id_token is None:
            raise Unavailable("The provider does not answer as it should.", retry_after=5)
        claims = await self._verified(id_token, returned.nonce)
        return ProviderIdentity(
            provider_id=self._entry.id,
            account_id=claims.subject,
            email=claims.email,
            email_verified=claims.email_verified,
            name=claims.name,
            avatar_url=claims.picture,
            access_token=text_of(tokens, "access_token"),
            refresh_token=text_of(tokens, "refresh_token"),
            id_token=id_token,
            scope=text_of(tokens, "scope", 5_000),
        )

    async def close(self) -> None:
        """Let go of connections."""
        if self._jwks is not None:
            await self._jwks.close()
        await self._outgoing.close()

    async def _tokens(self, returned: Returned) -> Answer:
        url, form = await self._address("token_endpoint"), code_form(returned)
        headers: dict[str, str] = {}
        methods = self._known.get("token_endpoint_auth_methods_supported")
        if isinstance(methods, list) and "client_secret_basic" not in methods:
            form |= secret_form(self._entry)
        else:
            headers = basic_header(self._entry)
        try:
            return await tokens_for(self._outgoing, url, form, headers=headers)
        except GrantRefused:
            raise Unauthenticated("The provider does not take this sign-in any more.") from None

    async def _verified(self, id_token: str, nonce: str) -> Claims:
        token = parse(id_token)
        if token.algorithm not in self._algorithms.names:
            raise Unauthenticated("The token's algorithm is not accepted.")
        if self._jwks is None:
            address = await self._address("jwks_uri")
            self._jwks = Jwks(address, ClientSession, self._clock)
        key = await self._jwks.key_for(token, self._algorithms)
        payload = verified_payload(token, [key.key], self._algorithms)
        if not hmac.compare_digest(str(payload.get("nonce")).encode(), nonce.encode()):
            raise Unauthenticated("The answer belongs to another sign-in.")
        return self._expected.read(payload, self._clock.now())

    async def _address(self, name: str) -> str:
        """One of the issuer's addresses. Raises Unavailable."""
        now = self._clock.now()
        if self._known_at is None or now - self._known_at >= DISCOVERED_FOR:
            url = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
            self._known = await asked_object(self._outgoing, "GET", url)
            self._known_at = now
        found = text_of(self._known, name, 2_000)
        if found is None or self._known.get("issuer") != self._issuer:
            self._known_at = None
            raise Unavailable("The provider does not answer as it should.", retry_after=5)
        return found
