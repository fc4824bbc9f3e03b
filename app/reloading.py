"""`punnet dev`: serves in a process of its own, and starts it anew when our code changes."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from watchfiles import (
    PythonFilter,
    awatch,  # pyright: ignore[reportUnknownVariableType] - it names a library that we lack
)

ROOT = Path(__file__).parents[1]
FOLDERS = tuple(ROOT / name for name in ("app", "graphql_schema", "models"))
STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STOP_WITHIN = 8.0  # seconds that the serving process has to hand back what it was doing

Say = Callable[[str], None]


async def serve_and_reload(arguments: Sequence[str], say: Say) -> None:
    """Run `punnet ARGUMENTS` until SIGINT, SIGTERM or SIGHUP, anew after each change.

    When the process ends by itself, as it does after a mistake in the code, the next change
    starts it again. `say` is told what happens.
    """
    stopped = asyncio.Event()
    for number in STOP:
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    serving = await _start(arguments, say)
    try:
        changes = awatch(*FOLDERS, watch_filter=PythonFilter(), stop_event=stopped)
        async for changed in changes:
            say(f"{_named({path for _, path in changed})} changed; starting anew.")
            await serving.end()
            serving = await _start(arguments, say)
    finally:
        await serving.end()


class Serving:
    """The serving process."""

    def __init__(self, process: Process, say: Say) -> None:
        self._process = process
        self._watching = asyncio.create_task(self._tell_of_end(say))

    async def end(self) -> None:
        """End it, in order if it does so in time; returns once it is gone."""
        self._watching.cancel()
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(STOP_WITHIN):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def _tell_of_end(self, say: Say) -> None:
        code = await self._process.wait()
        say(f"The server ended with code {code}; waiting for a change.")


async def _start(arguments: Sequence[str], say: Say) -> Serving:
    # -P and the path: the same code as here, whatever the working directory holds.
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-P", "-m", "app", *arguments),
        env=environment(),
        stdin=asyncio.subprocess.DEVNULL,
        # Ctrl-C at the terminal is for the parent, which ends it in order.
        start_new_session=True,
    )
    return Serving(process, say)


def environment() -> dict[str, str]:
    """The environment of the serving process: ours, in development, with logs for people."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    given = {"PUNNET_LOG_FORMAT": "console"} | os.environ
    return given | {"PUNNET_DEV": "true", "PYTHONPATH": path}


def _named(paths: set[str]) -> str:
    first, *others = sorted(str(Path(path).relative_to(ROOT)) for path in paths)
    return f"{first} and {len(others)} more" if others else first
