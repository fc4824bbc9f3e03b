"""How many answers a user may ask for in a minute: the first policy that a message must pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.accounts.action_limits import limited

if TYPE_CHECKING:
    from models.ports import AdmissionRequest
    from models.transaction import Transaction

MESSAGES = limited("message", 30, minutes=1)


async def limit_message_rate(tx: Transaction, request: AdmissionRequest) -> None:
    """Count the answers to a message, or the message where nothing answers it."""
    await MESSAGES.count(tx, by=len(request.models) or 1)
