"""Admission: what a message must pass before it is sent.

Policies run in order inside the send's transaction; one refuses by raising a DomainError. There
are none yet: rate limits, daily limits, organisation limits and credits follow in this order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.ports import ModelInfo
    from models.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Request:
    """A message somebody wants to send: whose rows it makes, and the model that will answer."""

    owner_id: str
    model: ModelInfo


Policy = Callable[["Transaction", Request], Awaitable[None]]

POLICIES: tuple[Policy, ...] = ()


async def admit(tx: Transaction, request: Request) -> None:
    """Ask every policy in order. Raises what the first one that refuses raises."""
    for policy in POLICIES:
        await policy(tx, request)
