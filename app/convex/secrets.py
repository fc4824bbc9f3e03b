"""Secrets on their way: sealed from the moment they are read, in the end for their owner.

Who owns a document is known only once references are resolved, and temporary tables lie on disk
too; so a secret is staged under a key that this process alone has, and forgets.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from app.cipher import Cipher
from models.sealing import purpose_of

if TYPE_CHECKING:
    from app.convex.source import Source

BATCH = 1_000
_STAGED = {"owner": "nobody yet", "purpose": "staging"}


class Sealer:
    """Seals secrets for staging and then, with `cipher`, for good."""

    def __init__(self, cipher: Cipher) -> None:
        self._cipher = cipher
        self._staging = Cipher(os.urandom(32))

    def seal(self, secret: str) -> str:
        """A secret as it is staged."""
        return self._staging.seal(secret, **_STAGED)

    async def bind(self, connection: Any, source: Source) -> None:
        """Seal the staged secrets of a resolved source for their owners."""
        columns = ", ".join(f"s.{name}" for name in source.secrets)
        assigned = ", ".join(f"{name} = ${n}" for n, name in enumerate(source.secrets, 2))
        query = (
            f"SELECT s.doc_line, r.owner_id, {columns} FROM {source.staged} s "
            f"JOIN {source.resolved} r USING (doc_line) WHERE r.kept AND NOT r.gone"
        )
        cursor = await connection.cursor(query)
        while rows := await cursor.fetch(BATCH):
            sealed = [self._bound(source, row) for row in rows]
            await connection.executemany(
                f"UPDATE {source.staged} SET {assigned} WHERE doc_line = $1", sealed
            )

    def _bound(self, source: Source, row: Any) -> tuple[Any, ...]:
        return row["doc_line"], *(
            row[name]
            and self._rebound(row[name], row["owner_id"], purpose_of(source.model, name, row))
            for name in source.secrets
        )

    def _rebound(self, staged: str, owner: str, purpose: str) -> str:
        secret = self._staging.open(staged, **_STAGED)
        return self._cipher.seal(secret, owner=owner, purpose=purpose)
