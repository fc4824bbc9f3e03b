"""Going through stored events: at once when they come, and again where that went wrong."""

from __future__ import annotations

import structlog

from models.billing.plans import Terms
from models.billing.polar_events import due_events, process_event, put_off_event
from models.errors import DomainError
from models.verbs import Actor

log = structlog.get_logger()


class EventProcessor:
    """Goes through events, in any number of processes at once."""

    def __init__(self, actor: Actor, terms: Terms) -> None:
        self._actor = actor
        self._terms = terms

    async def process(self, id: str) -> None:
        """Go through one event; what can't be done now is put off."""
        try:
            status = await process_event(self._actor, id, self._terms)
        except Exception as error:
            log.exception("polar_event.put_off", id=id)
            await self._put_off(id, error)
            return
        if status is not None:
            log.info("polar_event.processed", id=id, status=status)

    async def _put_off(self, id: str, error: Exception) -> None:
        told = error.message if isinstance(error, DomainError) else type(error).__name__
        try:
            await put_off_event(self._actor, id, told)
        except DomainError:
            log.warning("polar_event.stays_due", id=id)

    async def work_off(self) -> None:
        """Go through some events that are due: those put off, and those a dead process left."""
        for id in await due_events(self._actor.database, self._actor.clock.now()):
            await self.process(id)
