"""OAuth connections: the outside services that users let this one use for them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, cast

from models import fields
from models.access import Owned
from models.base import Record
from models.errors import Invalid
from models.indexes import unique
from models.permissions import Permission
from models.sealing import opened, sealed
from models.storable import refuse_unstorable_json
from models.verbs import verb

if TYPE_CHECKING:
    from models.ports import Database, Vault
    from models.transaction import Transaction

TOKEN_LIMIT = 20_000
METADATA_LIMIT = 16 << 10  # characters of JSON
EARLY = timedelta(minutes=5)
"""How long before its end a token is renewed."""

ACCOUNT, ASKED_SCOPE = "account", "askedScope"
TOLD = frozenset({ACCOUNT, ASKED_SCOPE})
"""What of the metadata we and the provider tell; clients keep beside it what they like."""


class OAuthProvider(StrEnum):
    """The outside services."""

    FIGMA = "figma"
    GITHUB = "github"


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a provider gave; `lifetime` None for a token without an end."""

    access: str = field(repr=False)
    refresh: str | None = field(default=None, repr=False)
    lifetime: timedelta | None = None
    scope: str | None = None


class OAuthConnection(Record):
    """A user's leave to use an outside service for them."""

    prefix = "oac"
    access = Owned(read=Permission.READ_ACCOUNT)
    indexes = (unique("user_id", "provider"),)
    unstamped: ClassVar[frozenset[str]] = frozenset({"renewing_until"})

    owner_id: str = fields.key("Whose connection it is.")
    user_id: str = fields.key("Id of the user.")
    provider: OAuthProvider = fields.choice(OAuthProvider, "The outside service.")
    access_token: str | None = fields.secret("The token it is used with.", limit=TOKEN_LIMIT)
    refresh_token: str | None = fields.secret("Brings a new token.", limit=TOKEN_LIMIT)
    expires_at: datetime | None = fields.moment("When the token ends.", null=True)
    scope: str = fields.text("What it allows, in the provider's words.", limit=5_000, blank=True)
    metadata: Any = fields.json("What the provider tells beside it.", null=True)
    refused_at: datetime | None = fields.moment(
        "When the provider refused it for good; null while it can be used.", null=True
    )
    renewing_until: datetime | None = fields.moment(
        "Until when whoever renews the token has the right to.", null=True
    )

    class Meta:
        table = "oauth_connection"

    @verb.needing(Permission.ACCOUNT)
    async def merge_metadata(self, tx: Transaction, metadata: object) -> OAuthConnection:
        """Keep what a client wants to know beside it; null takes a name away."""
        refuse_unstorable_json(metadata, "metadata")
        if not isinstance(metadata, Mapping):
            raise Invalid("Must be an object.", field="metadata")
        given = dict(cast("Mapping[str, Any]", metadata))
        if TOLD & given.keys():
            raise Invalid(f"Not {' nor '.join(sorted(TOLD))}.", field="metadata")
        merged = self.told_metadata | given
        kept = {name: value for name, value in merged.items() if value is not None}
        if len(json.dumps(kept)) > METADATA_LIMIT:
            raise Invalid(f"At most {METADATA_LIMIT:,} characters in all.", field="metadata")
        return await self.change(metadata=kept)

    @property
    def told_metadata(self) -> dict[str, Any]:
        """Its metadata; empty where it has none, or an import brought something else."""
        return dict(_object(self.metadata))

    @property
    def account_id(self) -> object:
        """Who the user is there; None where nobody has told."""
        return _object(self.told_metadata.get(ACCOUNT)).get("id")

    def lasts_until(self, moment: datetime) -> bool:
        """Whether its token holds until then, as far as the provider told."""
        return self.expires_at is None or self.expires_at > moment

    def open_token(self, vault: Vault, column: str = "access_token") -> str | None:
        """One of its tokens; None where there is none, or none that can be read any more."""
        try:
            return opened(vault, self, column)
        except ValueError:
            return None


async def connection_of(
    database: Database, user_id: str, provider: OAuthProvider
) -> OAuthConnection | None:
    """A user's connection to a service, still encrypted."""
    where = "user_id = $1 AND provider = $2"
    sql = f"SELECT * FROM {OAuthConnection.table()} WHERE {where}"
    rows = await database.fetch(sql, user_id, provider.value)
    return OAuthConnection.from_row(rows[0]) if rows else None


def token_columns(row: Record, new: Tokens, vault: Vault, now: datetime) -> dict[str, Any]:
    """The columns of new tokens; without a new refresh token the old one stays."""
    columns: dict[str, Any] = {
        "access_token": sealed(vault, row, "access_token", new.access),
        "expires_at": None if new.lifetime is None else now + new.lifetime,
    }
    if new.refresh is not None:
        columns["refresh_token"] = sealed(vault, row, "refresh_token", new.refresh)
    return columns


def _object(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
