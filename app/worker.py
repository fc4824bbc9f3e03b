"""The worker: writes the answers of generations that wait."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog

from app.answering import Author, write_answer
from app.asking import EndedHere
from app.leaseholder import Leaseholder, until_available
from app.titling import title_conversation
from app.writing import NoLongerWanted
from models.billing.usage_events import ModelCall
from models.chat.answers import Answer
from models.chat.leases import (
    FAILED_TEXT,
    Failure,
    Lease,
    claim_generations,
    finish_generation,
    give_up_generation,
    hand_back_generation,
    renew,
)
from models.providing import ProviderError

POLL = 0.5  # seconds, when nothing wakes the worker
LONGEST_WAIT = 60.0  # seconds before a second try

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """`lease` in seconds: how long an answer outlives its worker's last heartbeat."""

    slots: int
    per_user: int
    lease: float


class Worker:
    """Writes answers until cancelled; then hands back what is unfinished."""

    def __init__(self, author: Author, limits: WorkerLimits) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self._author = author
        self._actor = author.actor
        self._per_user = limits.per_user
        self._lease = timedelta(seconds=limits.lease)
        self._holder: Leaseholder[Lease] = Leaseholder(
            self, slots=limits.slots, lease=limits.lease, poll=POLL
        )

    def changed(self, owner: str, change: Mapping[str, Any]) -> None:
        """Follow the event log: new work, and answers that are no longer wanted."""
        id: str = change["id"]
        if id.startswith("gen_"):
            self._holder.wake()
            self._holder.doubt(one for one in self._holder.jobs if one.generation_id == id)

    async def run(self) -> None:
        """Work until cancelled."""
        await self._holder.run()

    async def claim(self, free: int) -> Sequence[Lease]:
        """Take answers that wait to be written."""
        return await claim_generations(self._actor, self.name, free, self._per_user, self._lease)

    async def renew(self, leases: Sequence[Lease]) -> set[Lease]:
        """Hold answers for longer, and return those that still stand."""
        until = self._actor.clock.now() + self._lease
        async with self._actor.database.connection() as connection:
            return await renew(connection, leases, self.name, until)

    async def hand_back(self, lease: Lease) -> None:
        """Leave an answer to another worker."""
        await hand_back_generation(self._actor, lease)

    async def carry_out(self, lease: Lease) -> None:
        """Write an answer, and its conversation's title."""
        try:
            outcome, call = await write_answer(self._author, lease)
            self._holder.let_end(lease)
            if isinstance(outcome, Answer):
                outcome = await self._finish(lease, outcome, call)
            if isinstance(outcome, ProviderError):
                await self._give_up(lease, outcome, call)
            elif isinstance(outcome, Answer):
                await title_conversation(self._author, lease)
        except NoLongerWanted:
            log.info("answer.unwanted", message=lease.message_id)
        except Exception:
            log.exception("answer.lost", message=lease.message_id)
        else:
            log.info("answer.ended", message=lease.message_id, epoch=lease.epoch)

    async def _finish(
        self, lease: Lease, answer: Answer, call: ModelCall | None
    ) -> Answer | EndedHere:
        """Keep a whole answer; one that can't be kept would not be after another try either."""
        try:
            await until_available(lambda: finish_generation(self._actor, lease, answer, call))
        except Exception:
            log.exception("answer.refused", message=lease.message_id)
            return EndedHere(FAILED_TEXT)
        return answer

    async def _give_up(self, lease: Lease, error: ProviderError, call: ModelCall | None) -> None:
        ours = isinstance(error, EndedHere)
        failure = Failure(error.message, _pause(error, lease), error.code, ours)
        await until_available(lambda: give_up_generation(self._actor, lease, failure, call))


def _pause(error: ProviderError, lease: Lease) -> timedelta | None:
    """How long to wait before the next try; None when none would help."""
    if not error.retryable:
        return None
    wait = error.retry_after if error.retry_after is not None else 0.5 * 2**lease.tries
    return timedelta(seconds=min(wait, LONGEST_WAIT))
