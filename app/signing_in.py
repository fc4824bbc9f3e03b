"""What signing in needs from outside, by the settings."""

from __future__ import annotations

from datetime import timedelta

from app.auth import Argon2Passwords, HmacTickets, derive_key
from app.cipher import Cipher
from app.config import Settings
from models.accounts.desk import SignInPorts, SignInRules


def sign_in_ports(settings: Settings, secret: bytes) -> SignInPorts:
    """The ports of an installation with this secret."""
    return SignInPorts(
        Argon2Passwords(settings),
        HmacTickets(derive_key(secret, "values of links")),
        Cipher.of(settings),
        SignInRules(
            session_lifetime=timedelta(days=settings.session_days),
            account_tries=settings.sign_in_tries,
            address_tries=settings.address_tries,
            window=timedelta(seconds=settings.tries_window),
        ),
    )
