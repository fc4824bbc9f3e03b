"""The fixed sentences of refused tokens."""

import pytest

from app.auth import Authenticator
from models.errors import Unauthenticated

ALGORITHM = "The token's algorithm is not accepted."
AUDIENCE = "The token is for another audience."
DEVELOPMENT = "Developer tokens are accepted in development only."
EARLY = "The token is not valid yet."
EXPIRED = "The token has expired."
EXTENSION = "The token asks for an extension that is not supported."
FUTURE = "The token was issued in the future."
ISSUER = "The token is from another issuer."
KIND = "The token's type is not accepted."
LARGE = "The token is too large."
MALFORMED = "The token is malformed."
NO_EXPIRY = "The token has no expiry."
NO_PROVIDER = "No identity provider is set up."
SIGNATURE = "The token's signature is wrong."
SUBJECT = "The token has no usable subject."
TIMES = "The token's times are malformed."
UNFIT = "The token's algorithm does not fit its signing key."
UNKNOWN_KEY = "The token's signing key is unknown."
UNNAMED = "The token names no signing key."

MESSAGES = {
    ALGORITHM, AUDIENCE, DEVELOPMENT, EARLY, EXPIRED, EXTENSION, FUTURE, ISSUER, KIND, LARGE,
    MALFORMED, NO_EXPIRY, NO_PROVIDER, SIGNATURE, SUBJECT, TIMES, UNFIT, UNKNOWN_KEY, UNNAMED,
}  # fmt: skip


async def refusal(authenticator: Authenticator, token: str) -> str:
    """Why the token is refused: one of MESSAGES, so nothing of the token can be in it."""
    with pytest.raises(Unauthenticated) as caught:
        await authenticator.verify(token)
    assert caught.value.message in MESSAGES
    return caught.value.message
