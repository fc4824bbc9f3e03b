"""Admission: what a message must pass before it is sent.

Policies run in order inside the send's transaction; one refuses by raising a DomainError. There
are rate limits, daily limits and credits; limits of organisations go before the last.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.billing.credits import reserve_credits
from models.billing.daily_limits import limit_messages, limit_uploads
from models.billing.message_rate import limit_message_rate

if TYPE_CHECKING:
    from models.ports import AdmissionRequest, Policy
    from models.transaction import Transaction

POLICIES: tuple[Policy, ...] = (limit_message_rate, limit_messages, reserve_credits)


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """A file somebody wants to upload; `size` in bytes."""

    owner_id: str
    size: int


UploadPolicy = Callable[["Transaction", UploadRequest], Awaitable[None]]
"""Refuses an upload by raising a DomainError."""

UPLOAD_POLICIES: tuple[UploadPolicy, ...] = (limit_uploads,)
"""What admits uploads, in order."""


async def admit(tx: Transaction, request: AdmissionRequest) -> None:
    """Ask every policy in order. Raises what the first one that refuses raises."""
    chosen = tx.actor.policies
    for policy in POLICIES if chosen is None else chosen:
        await policy(tx, request)


async def admit_upload(tx: Transaction, request: UploadRequest) -> None:
    """The same for a file."""
    for policy in UPLOAD_POLICIES:
        await policy(tx, request)
