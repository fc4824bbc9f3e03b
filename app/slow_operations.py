"""Notes operations that take long, in the background, for `punnet slow`."""

from __future__ import annotations

import asyncio
import hashlib
import math
from typing import TYPE_CHECKING, Any

import structlog
from graphql import (
    FloatValueNode,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    StringValueNode,
    Visitor,
    print_ast,
    visit,
)

from app.observing import Finished, Observer
from models.errors import Unavailable
from models.slow_operations import DOCUMENT, NAME, SlowRuns, note

if TYPE_CHECKING:
    from graphql import DocumentNode

    from models.ports import Clock, Database

PAUSE = 2.0  # seconds between two batches
BATCH = 100  # operations; more are counted in /metrics only
REMEMBERED = 256  # documents without their literals

log = structlog.get_logger()


class SlowOperations(Observer):
    """Gathers slow operations and writes them down every two seconds, and at the end."""

    def __init__(self, database: Database, clock: Clock, threshold: float) -> None:
        """`threshold` is in seconds: what takes as long or longer is slow."""
        self._database = database
        self._clock = clock
        self._threshold = threshold
        self._waiting: dict[tuple[str, str], SlowRuns] = {}
        self._blanked: dict[bytes, str] = {}
        self._looked_at = 0

    def operation_finished(self, done: Finished) -> None:
        """Gather an operation if it was slow."""
        if done.answered and done.document is not None and done.seconds >= self._threshold:
            document = self._without_literals(done.document)
            if document is not None:
                self._gather(self._runs(done, document))

    async def run(self) -> None:
        """Write down what was gathered until cancelled, and then the rest."""
        writing: asyncio.Task[None] | None = None
        try:
            while True:
                await asyncio.sleep(PAUSE)
                writing = asyncio.create_task(self._flush())
                # Shielded, so that the end does not tear a batch.
                await asyncio.shield(writing)
        finally:
            if writing is not None:
                await writing
            await self._flush()

    def _without_literals(self, document: DocumentNode) -> str | None:
        """A document as it is kept; None for a new one when there were too many, as that takes
        milliseconds, and most when all is slow."""
        text = document.loc.source.body if document.loc else print_ast(document)
        key = hashlib.sha256(text.encode()).digest()
        if key not in self._blanked:
            if self._looked_at == BATCH:
                return None
            self._looked_at += 1
            if len(self._blanked) == REMEMBERED:
                self._blanked.clear()
            self._blanked[key] = without_literals(document)
        return self._blanked[key]

    def _runs(self, done: Finished, document: str) -> SlowRuns:
        now, milliseconds = self._clock.now(), math.ceil(done.seconds * 1_000)
        return SlowRuns(
            hash=hashlib.sha256(document.encode()).hexdigest(),
            name=(done.name or "")[:NAME],
            kind=done.kind,
            document=document[:DOCUMENT],
            viewer=done.viewer,
            codes=sorted(set(done.codes)),
            statements=done.tally.count,
            count=1,
            total_ms=milliseconds,
            max_ms=milliseconds,
            first_seen=now,
            last_seen=now,
        )

    def _gather(self, runs: SlowRuns) -> None:
        key = runs.hash, runs.name
        if key in self._waiting:
            self._waiting[key].add(runs)
        elif len(self._waiting) < BATCH:
            self._waiting[key] = runs

    async def _flush(self) -> None:
        """Write the batch; one that can't be written is lost, which only lowers the counts."""
        self._looked_at = 0
        if not self._waiting:
            return
        batch, self._waiting = list(self._waiting.values()), {}
        try:
            await note(self._database, batch)
        except Unavailable:
            log.warning("slow_operations.lost", count=len(batch))


class _Blanks(Visitor):
    """Puts an empty literal in place of each that may hold what a user wrote."""

    def enter_int_value(self, *_: Any) -> IntValueNode:
        return IntValueNode(value="0")

    def enter_float_value(self, *_: Any) -> FloatValueNode:
        return FloatValueNode(value="0")

    def enter_string_value(self, *_: Any) -> StringValueNode:
        return StringValueNode(value="")

    def enter_list_value(self, *_: Any) -> ListValueNode:
        return ListValueNode(values=())

    def enter_object_value(self, *_: Any) -> ObjectValueNode:
        return ObjectValueNode(fields=())


def without_literals(document: DocumentNode) -> str:
    """The text of a document without comments, numbers, strings, lists and objects.

    Takes less time than parsing it did: 12 ms for the largest that is admitted.
    """
    return print_ast(visit(document, _Blanks()))
