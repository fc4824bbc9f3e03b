"""What a client of a provider says: how it leaves, and how it pays with a code."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

if TYPE_CHECKING:
    from app.config_entries import OAuthClient
    from app.oauth.providers import Leaving, Returned


def leaving_query(client: OAuthClient, leaving: Leaving, scope: str) -> dict[str, str]:
    """What a browser takes along to a provider's page."""
    return {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": leaving.redirect_uri,
        "scope": scope,
        "state": leaving.state,
        "code_challenge": leaving.challenge,
        "code_challenge_method": "S256",
    }


def code_form(returned: Returned) -> dict[str, str]:
    """What is told to a provider for a code."""
    return {
        "grant_type": "authorization_code",
        "code": returned.code,
        "redirect_uri": returned.redirect_uri,
        "code_verifier": returned.verifier,
    }


def secret_form(client: OAuthClient) -> dict[str, str]:
    """Who asks, in the form."""
    secret = client.client_secret.get_secret_value()
    return {"client_id": client.client_id, "client_secret": secret}


def basic_header(client: OAuthClient) -> dict[str, str]:
    """Who asks, in a header."""
    secret = client.client_secret.get_secret_value()
    pair = f"{quote_plus(client.client_id)}:{quote_plus(secret)}"
    return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def bearer_header(token: str) -> dict[str, str]:
    """For whom it is asked."""
    return {"Authorization": f"Bearer {token}"}
