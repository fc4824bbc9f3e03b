"""The life of the embedded PostgreSQL: start, share, stop, crash."""

import asyncio
import os
import re
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from app.postgres import EmbeddedPostgres, PostgresError
from tests.harness.processes import Client, ask


def socket_folder(server: EmbeddedPostgres) -> Path:
    return Path(parse_qs(urlsplit(server.url()).query)["host"][0])


async def test_starts_on_a_private_socket_with_utf8(server: EmbeddedPostgres) -> None:
    assert await ask(server.url(), "SELECT current_database()") == "punnet"
    assert await ask(server.url(), "SHOW server_encoding") == "UTF8"
    assert await ask(server.url(), "SHOW listen_addresses") == ""
    assert await ask(server.url(), "SHOW max_connections") == "200"
    assert await ask(server.url(), "SELECT 'b' < 'ä' AND 'Z' < 'a' AND lower('Ä') = 'ä'")
    assert stat.S_IMODE(socket_folder(server).stat().st_mode) == 0o700


@pytest.mark.parametrize("durable", [True, False])
async def test_only_a_durable_server_waits_for_the_disk(tmp_path: Path, durable: bool) -> None:
    server = EmbeddedPostgres(tmp_path / "new", durable=durable)
    with server:
        for setting in ("fsync", "full_page_writes"):
            assert await ask(server.url(), f"SHOW {setting}") == ("on" if durable else "off")
    server.remove()
    assert not server.data_dir.exists()


async def test_a_restart_keeps_the_data(server: EmbeddedPostgres) -> None:
    url = server.url()
    await ask(url, "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (7) RETURNING n")
    server.stop()
    assert server.pid is None
    server.start()
    assert server.url() == url
    assert await ask(url, "SELECT n FROM kept") == 7


async def test_a_started_server_may_be_started_again(server: EmbeddedPostgres) -> None:
    pid = server.pid
    server.start()
    assert server.pid == pid
    server.stop()
    assert server.pid is None
    server.stop()


def test_there_is_no_url_before_the_start(data_dir: Path) -> None:
    with pytest.raises(PostgresError, match="not started"):
        EmbeddedPostgres(data_dir).url()


def test_the_last_process_to_leave_ends_the_server(data_dir: Path, client: Client) -> None:
    first = client(data_dir)
    pid = first.told()["pid"]
    server = EmbeddedPostgres(data_dir)
    server.start()
    assert server.pid == pid
    assert "FATAL" not in server.log.read_text()  # No second server was tried.
    assert first.end() == 0
    assert server.pid == pid
    server.stop()
    assert server.pid is None


def test_the_starter_leaves_the_server_to_the_others(
    server: EmbeddedPostgres, client: Client
) -> None:
    other = client(server.data_dir)
    pid = other.told()["pid"]
    server.stop()
    assert server.pid == pid
    assert other.end() == 0
    assert server.pid is None


def test_processes_that_start_at_once_share_one_server(tmp_path: Path, client: Client) -> None:
    clients = [client(tmp_path / "new") for _ in range(3)]
    assert len({process.told()["pid"] for process in clients}) == 1
    assert [process.end() for process in clients] == [0, 0, 0]
    assert EmbeddedPostgres(tmp_path / "new").pid is None


async def test_a_server_left_by_a_killed_process_is_found(data_dir: Path, client: Client) -> None:
    starter = client(data_dir)
    pid = starter.told()["pid"]
    starter.kill()
    with EmbeddedPostgres(data_dir) as server:
        assert server.pid == pid
        assert await ask(server.url(), "SELECT 1") == 1
    assert server.pid is None


async def test_a_killed_server_starts_again_with_its_data(server: EmbeddedPostgres) -> None:
    await ask(server.url(), "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (7) RETURNING n")
    held = await asyncpg.connect(server.url())
    pid = server.pid
    server.kill()
    assert server.pid is None
    server.start()
    assert server.pid != pid
    assert await ask(server.url(), "SELECT n FROM kept") == 7
    held.terminate()


@pytest.fixture
def stranger() -> Iterator[int]:
    """The id of a living process that has nothing to do with PostgreSQL, nor with the test."""
    with subprocess.Popen(["/bin/sleep", "60"]) as process:
        yield process.pid
        process.kill()


@pytest.mark.parametrize("content", ["{pid}\n/elsewhere\n", ""])
async def test_files_left_by_a_crash_are_no_hindrance(
    data_dir: Path, stranger: int, content: str
) -> None:
    # Another process has the id now, as after a restart of the machine.
    (data_dir / "cluster" / "postmaster.pid").write_text(content.format(pid=stranger))
    (data_dir / "socket").mkdir(mode=0o700)
    (data_dir / "socket" / ".s.PGSQL.5432.lock").write_text(f"{stranger}\n")
    with EmbeddedPostgres(data_dir, durable=False) as server:
        assert await ask(server.url(), "SELECT 1") == 1
        assert "FATAL" not in server.log.read_text()


async def test_ctrl_c_at_the_terminal_spares_the_server(data_dir: Path, client: Client) -> None:
    starter = client(data_dir)
    pid = starter.told()["pid"]
    os.killpg(starter.process.pid, signal.SIGINT)
    assert starter.end() != 0
    with EmbeddedPostgres(data_dir) as server:
        assert server.pid == pid
        assert await ask(server.url(), "SELECT 1") == 1


async def test_stop_cuts_off_a_busy_client(server: EmbeddedPostgres) -> None:
    busy = asyncio.create_task(ask(server.url(), "SELECT pg_sleep(60)"))
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    async with asyncio.timeout(10):
        while not await ask(server.url(), sleeping):
            pass
    began = time.monotonic()
    await asyncio.to_thread(server.stop)
    assert time.monotonic() - began < 3
    with pytest.raises((asyncpg.PostgresError, ConnectionError)):
        await busy


def test_stop_ends_a_server_that_does_not_listen(server: EmbeddedPostgres) -> None:
    assert server.pid
    os.kill(server.pid, signal.SIGSTOP)
    server.stop(timeout=0.2)
    assert server.pid is None


async def test_a_deep_folder_has_its_socket_in_the_temp_folder(
    data_dir: Path, tmp_path: Path
) -> None:
    deep = tmp_path / ("d" * 100) / "data"
    shutil.copytree(data_dir, deep)
    with EmbeddedPostgres(deep, durable=False) as server:
        assert await ask(server.url(), "SELECT 1") == 1
        folder = socket_folder(server)
        assert not folder.is_relative_to(tmp_path)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not folder.exists()
    # Somebody else may have made the folder, to listen in.
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(PostgresError, match=re.escape(f"{folder} is not a private folder")):
        server.start()
    folder.rmdir()
    server.start()
    server.kill()
    assert folder.exists()
    server.remove()
    assert not folder.exists()


async def test_makes_copies_and_drops_databases(server: EmbeddedPostgres) -> None:
    await ask(server.url(), "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (7) RETURNING n")
    server.create_database('odd "name"', "punnet")
    assert await ask(server.url('odd "name"'), "SELECT n FROM kept") == 7
    held = await asyncpg.connect(server.url('odd "name"'))
    server.drop_database('odd "name"')
    server.drop_database('odd "name"')
    names = "SELECT string_agg(datname, ' ' ORDER BY 1) FROM pg_database WHERE NOT datistemplate"
    assert await ask(server.url(), names) == "postgres punnet"
    with pytest.raises(PostgresError, match="already exists"):
        server.create_database("punnet")
    held.terminate()


def test_data_in_use_is_not_removed(server: EmbeddedPostgres) -> None:
    other = EmbeddedPostgres(server.data_dir)
    with pytest.raises(PostgresError, match="in use"):
        other.remove(timeout=0.1)
    assert server.pid
    server.remove()
    assert not server.data_dir.exists()
