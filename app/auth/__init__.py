"""Who is calling: from a bearer token to verified claims, and the secret behind what we sign."""

from app.auth.claims import Claims
from app.auth.local import LocalTokens
from app.auth.passwords import Argon2Passwords
from app.auth.secret import BadConfiguration, derive_key, load_secret, previous_keys
from app.auth.tickets import HmacTickets
from app.auth.tokens import Authenticator

__all__ = [
    "Argon2Passwords",
    "Authenticator",
    "BadConfiguration",
    "Claims",
    "HmacTickets",
    "LocalTokens",
    "derive_key",
    "load_secret",
    "previous_keys",
]
