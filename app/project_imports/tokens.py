"""The tokens of what users have connected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.accounts.oauth_connections import OAuthConnection, OAuthProvider
from models.errors import Conflict
from models.sealing import opened
from models.statements import listed

if TYPE_CHECKING:
    from models.ports import Database, Vault

_OWN = f"SELECT {listed(OAuthConnection)} FROM oauth_connection t WHERE t.user_id = $1 AND t.provider = $2"


@dataclass(frozen=True, slots=True)
class StoredTokens:
    database: Database
    vault: Vault

    async def token(self, user_id: str, provider: OAuthProvider) -> str:
        rows = await self.database.fetch(_OWN, user_id, provider.value)
        token = (
            opened(self.vault, OAuthConnection.from_row(rows[0]), "access_token") if rows else None
        )
        if token is None:
            raise Conflict("It is not connected any more.")
        return token
