"""`punnet dev` on a copy of our code: changes, mistakes, and an end that leaves nothing."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from aiohttp import ClientError, ClientSession

from app.postgres import EmbeddedPostgres
from tests.harness.eventually import eventually

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0  # seconds for what takes two on a machine with nothing else to do


class Dev:
    """A running `punnet dev` in a folder of its own."""

    def __init__(self, folder: Path, session: ClientSession, *options: str) -> None:
        self.code = folder / "code"
        self.output = folder / "output"
        self.data = folder / "data"
        self.postgres = EmbeddedPostgres(self.data / "postgres")
        self.session = session
        self.url = f"http://127.0.0.1:{free_port()}"
        settings = {"PUNNET_DATA_DIR": str(self.data), "PUNNET_PORT": self.url.split(":")[-1]}
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(  # noqa: S603 - our own argument list, no shell
                [sys.executable, "-m", "app", "dev", *options],
                cwd=self.code,
                env=os.environ | settings,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def edit(self, path: str, old: str, new: str) -> None:
        """Change a file of the copy as editors do: by another one in its place."""
        file = self.code / path
        text = file.read_text()
        assert old in text
        other = file.with_suffix(".tmp")
        other.write_text(text.replace(old, new))
        other.replace(file)

    async def health(self, text: str) -> None:
        """Wait until /healthz says `text`."""

        async def look() -> bool:
            try:
                async with self.session.get(f"{self.url}/healthz") as response:
                    return await response.text() == text
            except (ClientError, OSError):
                assert self.process.poll() is None, self.output.read_text()
                return False

        await eventually(look, PATIENCE)

    async def says(self, text: str, times: int = 1) -> None:
        """Wait until the output holds `text`."""

        async def look() -> bool:
            return self.output.read_text().count(text) >= times

        await eventually(look, PATIENCE)

    async def ctrl_c(self) -> None:
        """What the terminal does: SIGINT for the whole group. It must end in order."""
        os.killpg(self.process.pid, signal.SIGINT)
        assert await asyncio.to_thread(self.process.wait, PATIENCE) == 0, self.output.read_text()

    def family(self) -> set[int]:
        """The processes that were started with these settings, at whatever depth."""
        mark = f"PUNNET_DATA_DIR={self.data}".encode()
        return {pid for pid in pids() if mark in environment(pid)}


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def pids() -> Iterator[int]:
    return (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())


def command(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("app", "graphql_schema", "models"):
        shutil.copytree(ROOT / name, tmp_path / "code" / name)
    return tmp_path


@pytest.fixture
async def dev(folder: Path) -> AsyncIterator[Dev]:
    async with ClientSession() as session:
        running = Dev(folder, session, "--demo")
        yield running
        for pid in running.family():
            os.kill(pid, signal.SIGKILL)
        running.process.wait()
        running.postgres.remove()


async def test_changes_and_mistakes_reach_the_server_and_ctrl_c_leaves_nothing(dev: Dev) -> None:
    await dev.health("ok\n")
    database = dev.postgres.pid
    assert database
    (serving,) = dev.family() - {dev.process.pid}
    await dev.says("Bearer ")

    dev.edit("app/server.py", 'text="ok\\n"', 'text="changed\\n"')
    await dev.health("changed\n")
    assert serving not in dev.family()
    assert dev.postgres.pid == database

    dev.edit("models/ids.py", "def ", "def (")
    await dev.says("SyntaxError")
    await dev.says("waiting for a change")
    assert dev.family() == {dev.process.pid}
    dev.edit("models/ids.py", "def (", "def ")
    await dev.health("changed\n")

    (serving,) = dev.family() - {dev.process.pid}
    os.kill(serving, signal.SIGKILL)
    await dev.says("ended with code -9; waiting for a change")
    (dev.code / "graphql_schema" / "added.py").write_text('"""New."""\n')
    await dev.says("graphql_schema/added.py changed")
    await dev.health("changed\n")
    assert dev.postgres.pid == database

    await dev.ctrl_c()
    assert dev.family() == set()
    assert dev.postgres.pid is None
    assert "Traceback" not in dev.output.read_text().split("added.py")[-1]


async def test_what_is_no_code_changes_nothing(dev: Dev) -> None:
    await dev.health("ok\n")
    family = dev.family()
    (dev.code / "app" / "notes.txt").write_text("Buy strawberries.")
    (dev.code / "app" / "__pycache__").mkdir(exist_ok=True)
    (dev.code / "app" / "__pycache__" / "x.py").write_text("")
    (dev.code / "elsewhere.py").write_text("")
    await asyncio.sleep(1)
    assert dev.family() == family
    assert "changed" not in dev.output.read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_it_ends_in_order_while_its_server_still_starts(
    dev: Dev, number: signal.Signals
) -> None:
    async def started() -> bool:
        return any(b"serve" in command(pid) for pid in dev.family())

    await eventually(started, PATIENCE)
    dev.process.send_signal(number)
    assert await asyncio.to_thread(dev.process.wait, PATIENCE) == 0, dev.output.read_text()
    assert dev.family() == set()
    assert dev.postgres.pid is None
    assert "Traceback" not in dev.output.read_text()
