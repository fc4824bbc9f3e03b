"""From a bearer token to verified claims."""

from collections.abc import Callable
from typing import Self

from aiohttp import ClientSession

from app.auth.claims import Claims
from app.auth.external import ExternalTokens
from app.auth.local import ALGORITHM, LocalTokens
from app.auth.secret import BadConfiguration
from app.auth.signing import parse
from app.config import Settings
from models.errors import Invalid, Unauthenticated
from models.ports import Clock


class Authenticator:
    """Verifies bearer tokens: Punnet's own (HS256) and the identity provider's.

    The algorithm decides who may have signed, and neither side accepts the other's, so a public
    key is never taken for a secret. `secret` comes from `load_secret`; `new_session` is called
    once, at the first fetch of keys, and the session is closed with the authenticator. Raises
    BadConfiguration when the settings allow no safe check.
    """

    def __init__(
        self,
        settings: Settings,
        secret: bytes,
        clock: Clock,
        new_session: Callable[[], ClientSession] = ClientSession,
    ) -> None:
        if settings.jwks_url is not None and settings.jwt_issuer is None:
            raise BadConfiguration("PUNNET_JWKS_URL needs PUNNET_JWT_ISSUER, the tokens' `iss`.")
        self.local = LocalTokens(settings, secret, clock)
        self._external = (
            None if settings.jwt_issuer is None else ExternalTokens(settings, clock, new_session)
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def verify(self, token: str) -> Claims:
        """Whom the token (without `Bearer`) speaks for.

        Raises Unauthenticated for any token that does not hold, with one fixed sentence per
        reason and nothing of the token in it, and Unavailable while it cannot be judged.
        """
        unverified = parse(token)
        if unverified.algorithm == ALGORITHM:
            return self.local.verify(unverified)
        if self._external is None:
            raise Unauthenticated("No identity provider is set up.")
        return await self._external.verify(unverified)

    def issue_guest_token(self, user_id: str) -> str:
        """A token for the guest `user_id` (`usr_…`), good for 365 days."""
        return self.local.issue_guest_token(user_id)

    def guest_of(self, token: str) -> str:
        """The user id in a guest's token. Raises Invalid for any other."""
        try:
            claims = self.local.verify(parse(token))
        except Unauthenticated as error:
            raise Invalid("This is no guest's token.", field="token") from error
        if claims.kind != "guest":
            raise Invalid("This is no guest's token.", field="token")
        return claims.subject

    async def close(self) -> None:
        """Stop fetching keys and close the session."""
        if self._external is not None:
            await self._external.close()
