"""`python -m app …` as a process that ends by itself, or is ended by the test."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.harness.api import SECRET
from tests.harness.processes import ROOT


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended; `peak` is the most resident memory it was seen to have, in bytes."""

    code: int
    out: str
    err: str
    peak: int


class Command:
    """A running command."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.peak = 0
        self._watching = asyncio.create_task(self._watch())

    async def ended(self) -> Ended:
        """What there is to know at its end."""
        out, err = await self.process.communicate()
        self._watching.cancel()
        code = self.process.returncode
        assert code is not None
        return Ended(code, out.decode(), err.decode(), self.peak)

    async def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        await self.ended()

    async def _watch(self) -> None:
        while True:
            self.peak = max(self.peak, _peak(self.process.pid))
            await asyncio.sleep(0.01)


def _peak(pid: int) -> int:
    """The most memory a process had so far; 0 when it is gone."""
    with suppress(OSError, IndexError):
        told = Path(f"/proc/{pid}/status").read_text()
        return int(told.partition("VmHWM:")[2].split()[0]) * 1024
    return 0


@asynccontextmanager
async def command(*arguments: str | Path, url: str, **settings: Any) -> AsyncIterator[Command]:
    """`punnet ARGUMENTS` on the database at `url`, killed at the end."""
    given = {"dev": "true", "secret": SECRET, "database_url": url} | settings
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "app",
        *map(str, arguments),
        cwd=ROOT,
        env={f"PUNNET_{name.upper()}": str(value) for name, value in given.items()},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    running = Command(process)
    try:
        yield running
    finally:
        if process.returncode is None:
            await running.kill()


async def punnet(*arguments: str | Path, url: str, **settings: Any) -> Ended:
    """Run a command to its end."""
    async with command(*arguments, url=url, **settings) as running:
        return await running.ended()
