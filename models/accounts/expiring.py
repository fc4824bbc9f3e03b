"""What has ended by itself: sessions and verifications are forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.accounts.sessions import Session
from models.accounts.verifications import Verification
from models.verbs import verb

if TYPE_CHECKING:
    from models.transaction import Transaction

BATCH = 100

_ENDED = f"expires_at < $1 ORDER BY expires_at LIMIT {BATCH}"


@verb.needing(None)
async def forget_expired(tx: Transaction) -> None:
    """Remove what is past its time, a bounded number of rows a call."""
    await tx.remove_many(Session, _ENDED, tx.now)
    await tx.remove_many(Verification, _ENDED, tx.now)
