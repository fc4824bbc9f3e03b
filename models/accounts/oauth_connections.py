"""OAuth connections: the outside services that users let this one use for them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from models import fields
from models.access import Owned
from models.base import Record
from models.indexes import unique
from models.permissions import Permission

TOKEN_LIMIT = 20_000


class OAuthProvider(StrEnum):
    """The outside services."""

    FIGMA = "figma"
    GITHUB = "github"


class OAuthConnection(Record):
    """A user's leave to use an outside service for them."""

    prefix = "oac"
    access = Owned(read=Permission.READ_ACCOUNT)
    indexes = (unique("user_id", "provider"),)

    owner_id: str = fields.key("Whose connection it is.")
    user_id: str = fields.key("Id of the user.")
    provider: OAuthProvider = fields.choice(OAuthProvider, "The outside service.")
    access_token: str | None = fields.secret("The token it is used with.", limit=TOKEN_LIMIT)
    refresh_token: str | None = fields.secret("Brings a new token.", limit=TOKEN_LIMIT)
    expires_at: datetime | None = fields.moment("When the token ends.", null=True)
    scope: str = fields.text("What it allows, in the provider's words.", limit=5_000, blank=True)
    metadata: Any = fields.json("What the provider tells beside it.", null=True)

    class Meta:
        table = "oauth_connection"
