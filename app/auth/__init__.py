"""Who is calling: from a bearer token to verified claims, and the secret behind what we sign."""

from app.auth.claims import Claims
from app.auth.local import LocalTokens
from app.auth.secret import BadConfiguration, derive_key, load_secret
from app.auth.tokens import Authenticator

__all__ = [
    "Authenticator",
    "BadConfiguration",
    "Claims",
    "LocalTokens",
    "derive_key",
    "load_secret",
]
