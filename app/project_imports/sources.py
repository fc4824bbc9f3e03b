"""Where imports come from, as the importer sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from app.project_imports.failing import ImportFailed
from app.threads import Crowded, Threads
from models.builder.import_jobs import Progress

if TYPE_CHECKING:
    from models.builder.import_jobs import ImportJob
    from models.builder.import_results import Imported

PAUSE = 0.5  # seconds until threads are asked again that had no room

T = TypeVar("T")


@dataclass(slots=True)
class Meter:
    """How much of an import was read so far; written while it is, in whatever thread."""

    bytes_done: int = 0
    bytes_total: int | None = None
    files_done: int = 0

    def begin(self, total: str) -> None:
        """Bytes begin to come, as many as a header says, if it does."""
        short = total.isascii() and total.isdigit() and len(total) < 10
        self.bytes_done, self.bytes_total = 0, int(total) if short else None

    def count_files(self, files: int) -> None:
        """There are so many by now."""
        self.files_done = files

    def progress(self) -> Progress:
        """What it says at this moment."""
        return Progress(self.bytes_done, self.bytes_total, self.files_done)


class Source(Protocol):
    """Reads what is to be imported."""

    async def read(self, job: ImportJob, meter: Meter) -> Imported:
        """All of it. Raises ImportFailed, and DomainError for what is this server's."""
        ...


async def in_thread(threads: Threads, work: Callable[[], T]) -> T:
    """What a work returns, whenever there is room for it: waiting is no failed try."""
    while True:
        try:
            return await threads.run(work)
        except Crowded:
            await asyncio.sleep(PAUSE)


def object_of(value: object) -> dict[str, Any]:
    """An object of an answer. Raises ImportFailed for anything else."""
    if not isinstance(value, dict):
        raise ImportFailed("The answer is not what it should be.", retryable=True)
    return cast("dict[str, Any]", value)


def label(value: object, limit: int = 200) -> str:
    """A name of an answer, without what can't be shown; empty for what is no name."""
    if not isinstance(value, str):
        return ""
    return "".join(c for c in value[:limit] if c.isprintable()).strip()
