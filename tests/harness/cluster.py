"""Punnet as processes of its own, to kill and to end in order.

- `cluster`: starts `punnet serve` and `punnet worker` on this test's database.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from app.auth import Authenticator, load_secret
from app.clock import SystemClock
from tests.harness.api import SECRET, Api, settings_for_tests
from tests.harness.processes import ROOT


@dataclass(eq=False)
class Process:
    """One process, `serve` or `worker`; `url` is that of a server that serves."""

    kind: str
    pid: int
    log: Path
    real: subprocess.Popen[bytes] | None = None
    url: str = ""

    def told(self) -> list[dict[str, Any]]:
        """The lines of its log."""
        lines = self.log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self.real is None:
            os.kill(self.pid, signal.SIGKILL)
        else:
            self.real.kill()
            self.real.wait()

    async def serving(self, seconds: float = 30.0) -> Process:
        """Wait until it serves."""
        async with asyncio.timeout(seconds):
            while not self.url:
                for line in self.told() if self.log.exists() else []:
                    if line["event"] == "serving":
                        self.url = f"http://127.0.0.1:{line['port']}"
                await asyncio.sleep(0.02)
        return self

    async def terminated(self, seconds: float) -> int:
        """Ask a real process to end; its exit code."""
        assert self.real is not None
        self.real.terminate()
        return await asyncio.to_thread(self.real.wait, seconds)


class Forks:
    """A process that starts others; see tests.harness.forks."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.harness.forks"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._lock = threading.Lock()

    def start(self, arguments: list[str], environment: dict[str, str], log: Path) -> int:
        """Start a `punnet` process; its id."""
        asked = {"arguments": arguments, "environment": environment, "log": str(log)}
        assert self._process.stdin
        assert self._process.stdout
        with self._lock:
            self._process.stdin.write(json.dumps(asked) + "\n")
            self._process.stdin.flush()
            return int(self._process.stdout.readline())

    def close(self) -> None:
        """End it."""
        with self._process:
            assert self._process.stdin
            self._process.stdin.close()


@dataclass
class Cluster:
    """Processes on one database."""

    url: str
    folder: Path
    session: ClientSession
    forks: Forks
    settings: dict[str, str] = field(default_factory=dict)
    processes: list[Process] = field(default_factory=list)

    def environment(self, **settings: Any) -> dict[str, str]:
        """What a process finds in its environment."""
        given = {"database_url": self.url, "secret": SECRET, "dev": True, "port": 0}
        given |= self.settings | settings
        return {f"PUNNET_{name.upper()}": str(value) for name, value in given.items()}

    def start(self, kind: str, **settings: Any) -> Process:
        """`serve` or `worker`, started as a user starts it."""
        log = self._log()
        with log.open("wb") as file:
            real = subprocess.Popen(  # noqa: S603 - our own argument list, no shell
                [sys.executable, "-m", "app", kind],
                cwd=ROOT,
                env={**os.environ, **self.environment(**settings)},
                stdout=subprocess.DEVNULL,
                stderr=file,
            )
        return self._keep(Process(kind, real.pid, log, real))

    async def fork(self, kind: str, **settings: Any) -> Process:
        """The same from a process that has everything imported."""
        log = self._log()
        environment = self.environment(**settings)
        pid = await asyncio.to_thread(self.forks.start, [kind], environment, log)
        return self._keep(Process(kind, pid, log))

    def user(self, process: Process, name: str = "ada") -> Api:
        """A signed-in caller of a server."""
        settings = settings_for_tests()
        authenticator = Authenticator(settings, load_secret(settings), SystemClock())
        token = authenticator.local.issue_dev_token(name, name=name.title())
        return Api(self.session, process.url, token)

    def kill(self, process: Process) -> None:
        """Kill one of them."""
        self.processes.remove(process)
        process.kill()

    def close(self) -> None:
        """End all that still run."""
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                process.kill()

    def _log(self) -> Path:
        return self.folder / f"{len(list(self.folder.iterdir()))}.log"

    def _keep(self, process: Process) -> Process:
        self.processes.append(process)
        process.log.touch()
        return process


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """One for all tests of a run."""
    started = Forks()
    yield started
    started.close()


@asynccontextmanager
async def cluster_on(url: str, folder: Path, forks: Forks) -> AsyncIterator[Cluster]:
    """A cluster without processes; those it starts end with it."""
    async with ClientSession() as session:
        cluster = Cluster(url, folder, session, forks)
        try:
            yield cluster
        finally:
            cluster.close()


@pytest.fixture
async def cluster(database: str, tmp_path: Path, forks: Forks) -> AsyncIterator[Cluster]:
    """Processes on this test's database."""
    async with cluster_on(database, tmp_path, forks) as cluster:
        yield cluster
