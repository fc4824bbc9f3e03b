"""`python -m app` in processes of their own, to be killed and ended by tests.

    python -m tests.harness.nursery

Importing the application takes a second of CPU, so one process imports it and every other is
forked from that one; each then runs `app/__main__.py` as its main module. Orders come as lines of
JSON on standard input; the answers tell pids and how processes ended. Without input they all end.
"""

from __future__ import annotations

import asyncio
import json
import os
import runpy
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


class Child:
    """A running `python -m app`; `ended` gets its exit code, a signal as a negative number."""

    def __init__(self, pid: int, log: Path) -> None:
        self.pid = pid
        self.log = log
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        if not self.ended.done():
            os.kill(self.pid, number)

    def lines(self) -> list[dict[str, Any]]:
        """What it has logged so far."""
        whole = self.log.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]

    async def told(self, event: str, seconds: float = 30.0) -> dict[str, Any]:
        """The first log line of an event, once it is there."""
        async with asyncio.timeout(seconds):
            while True:
                for line in self.lines():
                    if line["event"] == event:
                        return line
                assert not self.ended.done(), self.log.read_text()
                await asyncio.sleep(0.02)


class Nursery:
    """Starts processes and knows of their ends."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self._process = process
        self._folder = folder
        self._started: asyncio.Queue[int] = asyncio.Queue()
        self._children: dict[int, Child] = {}
        self._one = asyncio.Lock()
        self._count = 0

    async def start(self, *arguments: str, **environment: Any) -> Child:
        """A new `python -m app ARGUMENTS` with more in its environment."""
        async with self._one:
            self._count += 1
            log = self._folder / f"{self._count}-{arguments[0]}.log"
            log.touch()
            values = {name: str(value) for name, value in environment.items()}
            order = {"arguments": arguments, "environment": values, "log": str(log)}
            assert self._process.stdin
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            pid = await self._started.get()
            child = self._children[pid]
            child.log = log
            return child

    async def follow(self) -> None:
        """Read the answers until there are no more."""
        assert self._process.stdout
        async for line in self._process.stdout:
            told = json.loads(line)
            pid = told["pid"]
            if "code" not in told:
                self._children[pid] = Child(pid, Path(os.devnull))
                self._started.put_nowait(pid)
            else:
                self._children[pid].ended.set_result(told["code"])


@asynccontextmanager
async def nursery(folder: Path) -> AsyncIterator[Nursery]:
    """A nursery whose processes log into a folder; all are killed at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.harness.nursery",
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    made = Nursery(process, folder)
    following = asyncio.create_task(made.follow())
    try:
        yield made
    finally:
        assert process.stdin
        process.stdin.close()
        await following
        await process.wait()


# -- in the process that forks ---------------------------------------------------------------


def _main() -> None:
    # What they all need is imported here, once.
    from graphql_schema.schema import graphql_core_schema

    graphql_core_schema()
    children: set[int] = set()
    signal.signal(signal.SIGCHLD, lambda *_: _reap(children))
    for line in sys.stdin:
        # Nobody may hear of an end before the start.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        pid = os.fork()
        if pid == 0:
            _become(json.loads(line))
        children.add(pid)
        _tell(pid=pid)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    for pid in children:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _reap(children: set[int]) -> None:
    while children:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        children.discard(pid)
        _tell(pid=pid, code=os.waitstatus_to_exitcode(status))


def _tell(**values: int) -> None:
    os.write(1, json.dumps(values).encode() + b"\n")


def _become(order: dict[str, Any]) -> None:
    """Be `python -m app`, for the rest of this process."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    log = os.open(order["log"], os.O_WRONLY | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.dup2(log, 2)
    os.environ.update(order["environment"])
    sys.argv = ["punnet", *order["arguments"]]
    code = 1
    try:
        runpy.run_module("app", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")  # as Python itself would
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _main()
