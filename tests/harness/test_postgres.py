"""The test harness for PostgreSQL, seen from a test and from a whole run."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from app.postgres import EmbeddedPostgres
from tests.harness.postgres import NewDatabase, clean
from tests.harness.processes import ROOT, ask

TABLES = """
CREATE TABLE parent (id int PRIMARY KEY, favourite int);
CREATE TABLE child (id int PRIMARY KEY, parent int NOT NULL REFERENCES parent);
ALTER TABLE parent ADD FOREIGN KEY (favourite) REFERENCES child;
CREATE TABLE tortoise_migrations (name text);
INSERT INTO tortoise_migrations VALUES ('first');
"""
ROWS = """
INSERT INTO parent VALUES (1, NULL);
INSERT INTO child VALUES (2, 1);
UPDATE parent SET favourite = 2;
"""
COUNTS = """
SELECT ARRAY[(SELECT count(*) FROM parent), (SELECT count(*) FROM child),
             (SELECT count(*) FROM tortoise_migrations)]
"""


async def test_clean_deletes_rows_and_keeps_what_migrations_filled(
    new_database: NewDatabase,
) -> None:
    url = await new_database(empty=True)
    await ask(url, TABLES, ROWS, "SELECT 1")
    connection = await asyncpg.connect(url)
    try:
        await clean(connection)
        assert await connection.fetchval(COUNTS) == [0, 0, 1]
        async with connection.transaction():
            await clean(connection)
            with pytest.raises(asyncpg.ForeignKeyViolationError):
                await connection.execute("INSERT INTO child VALUES (1, 1)")
    finally:
        await connection.close()


async def test_clean_reports_a_transaction_left_open(new_database: NewDatabase) -> None:
    url = await new_database(empty=True)
    await ask(url, TABLES, ROWS, "SELECT 1")
    left, connection = await asyncpg.connect(url), await asyncpg.connect(url)
    try:
        await left.execute("BEGIN; LOCK TABLE child")
        with pytest.raises(asyncpg.LockNotAvailableError):
            await clean(connection, patience=0.1)
    finally:
        left.terminate()
        await connection.close()


async def test_databases_are_apart(database: str, new_database: NewDatabase) -> None:
    urls = [database, await new_database(), await new_database()]
    assert len(set(urls)) == 3
    for url in urls:
        await ask(url, "CREATE TABLE mine (n int)", "SELECT 1")
    for url in urls:
        await ask(url, "DROP TABLE mine", "SELECT 1")


async def test_a_private_server_may_stop_and_start(private_postgres: EmbeddedPostgres) -> None:
    url = private_postgres.url()
    await ask(url, TABLES.replace("tortoise_", "other_"), ROWS, "SELECT 1")
    await asyncio.to_thread(private_postgres.stop)
    with pytest.raises((FileNotFoundError, ConnectionError)):
        await ask(url, "SELECT 1")
    await asyncio.to_thread(private_postgres.start)
    counts = COUNTS.replace("tortoise_", "other_")
    assert await ask(url, counts) == [1, 1, 1]
    await asyncio.to_thread(private_postgres.kill)
    await asyncio.to_thread(private_postgres.start)
    assert await ask(url, counts) == [1, 1, 1]


SUITE = """
import os, signal
import asyncpg, pytest

@pytest.fixture(scope="session")
def migrate():
    async def migrate(url):
        with open("migrations", "a") as log:
            log.write("x")
        connection = await asyncpg.connect(url)
        await connection.execute("CREATE TABLE t (n int)")
        await connection.close()
    return migrate

@pytest.mark.parametrize("n", range(6))
async def test_finds_a_clean_table(database, n):
    connection = await asyncpg.connect(database)
    assert await connection.fetchval("SELECT count(*) FROM t") == 0
    await connection.execute("INSERT INTO t VALUES (1)")
    await connection.close()

async def test_ends(database, private_postgres):
    if os.environ.get("KILL"):
        os.kill(os.getpid(), signal.SIGKILL)
"""


def run_suite(folder: Path, *arguments: str, kill: str = "") -> tuple[int, str]:
    """Run pytest on SUITE with its temporary files in `folder`."""
    (folder / "temporary").mkdir()
    (folder / "test_suite.py").write_text(SUITE)
    (folder / "pytest.ini").write_text(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"
        "filterwarnings = error\n"
    )
    temporary = str(folder / "temporary")
    done = subprocess.run(  # noqa: S603 - our own argument list, no shell
        [sys.executable, "-m", "pytest", "-p", "tests.harness.postgres", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": temporary, "KILL": kill},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def left_in(folder: Path) -> list[str]:
    """Servers that still run in the folder, and their files."""
    shown = subprocess.run(["/bin/ps", "-eww", "-o", "command="], capture_output=True, check=True)
    lines = shown.stdout.decode(errors="replace").splitlines()
    servers = [line for line in lines if f"-D {folder}" in line]
    return servers + [str(path) for path in folder.glob("temporary/punnet-*")]


@pytest.mark.parametrize("arguments", [["-n", "2"], ["-p", "no:xdist"]], ids=["two", "one"])
def test_a_run_migrates_once_and_leaves_nothing(tmp_path: Path, arguments: list[str]) -> None:
    code, output = run_suite(tmp_path, *arguments)
    assert "7 passed" in output
    assert code == 0
    assert (tmp_path / "migrations").read_text() == "xx"  # The template, and the private server.
    assert left_in(tmp_path) == []


def test_a_run_whose_worker_is_killed_leaves_nothing(tmp_path: Path) -> None:
    code, output = run_suite(tmp_path, "-n", "2", "--max-worker-restart=0", kill="yes")
    assert "crashed" in output
    assert code == 1
    assert left_in(tmp_path) == []
