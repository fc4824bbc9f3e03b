"""Admission: what a message must pass before it is sent.

Policies run in order inside the send's transaction; one refuses by raising a DomainError. There
are none yet: rate limits, daily limits, organisation limits and credits follow in this order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.ports import AdmissionRequest, Policy
    from models.transaction import Transaction

POLICIES: tuple[Policy, ...] = ()


async def admit(tx: Transaction, request: AdmissionRequest) -> None:
    """Ask every policy in order. Raises what the first one that refuses raises."""
    chosen = tx.actor.policies
    for policy in POLICIES if chosen is None else chosen:
        await policy(tx, request)
