"""OpenID Connect: discovery, the code for tokens, and the identity token checked."""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

from aiohttp import ClientSession
from yarl import URL

from app.auth.claims import Expected
from app.auth.jwks import Jwks
from app.auth.signing import Algorithms, parse, verified_payload
from app.oauth.answers import Answer, asked_object, text_of
from models.accounts.linking import ProviderIdentity
from models.errors import Unauthenticated, Unavailable

if TYPE_CHECKING:
    from app.auth.claims import Claims
    from app.config_entries import SignInProvider
    from app.oauth.providers import Leaving, Returned
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
        new_session: Callable[[], ClientSession],
    ) -> None:
        self._entry = entry
        self._issuer = issuer
        self._clock = clock
        self._new_session = new_session
        self._session: ClientSession | None = None
        self._known: Answer = {}
        self._known_at: datetime | None = None
        self._jwks: Jwks | None = None
        self._algorithms = Algorithms(ALGORITHMS)
        self._expected = Expected(issuer, entry.client_id, LEEWAY, "external", "user")

    async def authorize_url(self, leaving: Leaving) -> str:
        """Where to send the browser. Raises Unavailable."""
        query = {
            "response_type": "code",
            "client_id": self._entry.client_id,
            "redirect_uri": leaving.redirect_uri,
            "scope": self._entry.scope or SCOPE,
            "state": leaving.state,
            "nonce": leaving.nonce,
            "code_challenge": leaving.challenge,
            "code_challenge_method": "S256",
        }
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
        if self._session is not None:
            await self._session.close()

    async def _tokens(self, returned: Returned) -> Answer:
        form = {
            "grant_type": "authorization_code",
            "code": returned.code,
            "redirect_uri": returned.redirect_uri,
            "code_verifier": returned.verifier,
        }
        url, secret = await self._address("token_endpoint"), self._entry.client_secret
        methods = self._known.get("token_endpoint_auth_methods_supported")
        if isinstance(methods, list) and "client_secret_basic" not in methods:
            form |= {"client_id": self._entry.client_id, "client_secret": secret.get_secret_value()}
            return await asked_object(self._client(), "POST", url, data=form)
        pair = f"{quote_plus(self._entry.client_id)}:{quote_plus(secret.get_secret_value())}"
        basic = {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
        return await asked_object(self._client(), "POST", url, data=form, headers=basic)

    async def _verified(self, id_token: str, nonce: str) -> Claims:
        token = parse(id_token)
        if token.algorithm not in self._algorithms.names:
            raise Unauthenticated("The token's algorithm is not accepted.")
        if self._jwks is None:
            address = await self._address("jwks_uri")
            self._jwks = Jwks(address, self._new_session, self._clock)
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
            self._known = await asked_object(self._client(), "GET", url)
            self._known_at = now
        found = text_of(self._known, name, 2_000)
        if found is None or self._known.get("issuer") != self._issuer:
            self._known_at = None
            raise Unavailable("The provider does not answer as it should.", retry_after=5)
        return found

    def _client(self) -> ClientSession:
        if self._session is None:
            self._session = self._new_session()
        return self._session
