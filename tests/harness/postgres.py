"""PostgreSQL for tests: one server for a run, one migrated template, a clone for each worker.

- `database`: the address of this worker's database; what a test writes there is deleted after it.
- `new_database`: makes more databases, migrated or empty, dropped after the test.
- `private_postgres`: a server of the test's own, which it may stop, kill and start.
- `migrate`: how a database gets its tables; the top conftest overrides it for the whole run.
"""

import asyncio
import contextlib
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import asyncpg
import pytest

from app.postgres import EmbeddedPostgres
from app.postgres_state import held

Migrate = Callable[[str], Coroutine[Any, Any, None]]

TEMPLATE = "migrated"
# Filled by migrations, not by tests.
STATIC_TABLES = ("tortoise_migrations",)
FOLDER = pytest.StashKey[Path]()


class NewDatabase(Protocol):
    """Makes a database and returns its address; `empty` leaves out the migrations."""

    def __call__(self, *, empty: bool = False) -> Awaitable[str]: ...


def pytest_configure(config: pytest.Config) -> None:
    """Make one folder for the run; xdist's workers are told of it."""
    given = getattr(config, "workerinput", {}).get("postgres_folder")
    config.stash[FOLDER] = Path(given or tempfile.mkdtemp(prefix="punnet-test-"))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of the folder."""
    node.workerinput["postgres_folder"] = str(node.config.stash[FOLDER])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the folder and every server in it, also those of workers that were killed."""
    if hasattr(config, "workerinput") or FOLDER not in config.stash:
        return
    folder = config.stash[FOLDER]
    for data_dir in folder.iterdir():
        EmbeddedPostgres(data_dir).remove()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def migrate() -> Migrate:
    """How a database gets its tables: not at all, until overridden."""

    async def nothing(_: str) -> None:
        """Leave the database empty."""

    return nothing


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[EmbeddedPostgres]:
    """The run's server, shared by all workers; the last one to leave ends it."""
    with EmbeddedPostgres(request.config.stash[FOLDER] / "shared", durable=False) as server:
        yield server


@pytest.fixture(scope="session")
def template_database(postgres: EmbeddedPostgres, migrate: Migrate) -> str:
    """The name of a migrated database to clone, made once in a run. Nobody may connect to it."""
    ready = postgres.data_dir / "template.ready"
    with held(postgres.data_dir / "template.lock", 120):
        if not ready.exists():
            postgres.drop_database(TEMPLATE)
            postgres.create_database(TEMPLATE)
            # In a thread, as pytest-asyncio has a loop of its own in this one.
            with ThreadPoolExecutor(1) as thread:
                thread.submit(asyncio.run, migrate(postgres.url(TEMPLATE))).result()
            ready.touch()
    return TEMPLATE


@pytest.fixture(scope="session")
def database_url(
    request: pytest.FixtureRequest, postgres: EmbeddedPostgres, template_database: str
) -> str:
    """The address of this worker's database. Use `database`, which cleans up as well."""
    worker = getattr(request.config, "workerinput", {}).get("workerid", "main")
    postgres.create_database(f"test_{worker}", template_database)
    return postgres.url(f"test_{worker}")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[str]:
    """The address of a migrated database; every row in it is deleted after the test."""
    yield database_url
    connection = await asyncpg.connect(database_url)
    try:
        await clean(connection)
    finally:
        await connection.close()


@pytest.fixture
async def new_database(
    postgres: EmbeddedPostgres, template_database: str
) -> AsyncIterator[NewDatabase]:
    """Makes databases for one test: `url = await new_database()`."""
    names: list[str] = []

    async def make(*, empty: bool = False) -> str:
        name = f"test_{uuid.uuid4().hex}"
        template = None if empty else template_database
        await asyncio.to_thread(postgres.create_database, name, template)
        names.append(name)
        return postgres.url(name)

    yield make
    for name in names:
        await asyncio.to_thread(postgres.drop_database, name)


@pytest.fixture
async def private_postgres(
    request: pytest.FixtureRequest, migrate: Migrate
) -> AsyncIterator[EmbeddedPostgres]:
    """A migrated server of the test's own, to stop, kill and start in a thread."""
    folder = request.config.stash[FOLDER] / f"private-{uuid.uuid4().hex[:12]}"
    server = EmbeddedPostgres(folder, durable=False)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(asyncio.to_thread, server.remove)
        await asyncio.to_thread(server.start)
        await migrate(server.url())
        yield server


async def clean(
    connection: Any, keep: tuple[str, ...] = STATIC_TABLES, patience: float = 5.0
) -> None:
    """Delete the rows of every table but `keep`, in one statement, whatever their foreign keys.

    Waits `patience` seconds for each lock, so a transaction that a test left open is an error.
    """
    kept = ", ".join("'" + name.replace("'", "''") + "'" for name in ("", *keep))
    await connection.execute(
        CLEAN.replace("KEPT", kept).replace("PATIENCE", str(round(patience * 1000)))
    )


# The role "replica" switches foreign keys and triggers off; both settings end with the block.
CLEAN = """
DO $clean$
DECLARE
    name regclass;
BEGIN
    SET LOCAL session_replication_role = replica;
    SET LOCAL lock_timeout = PATIENCE;
    FOR name IN
        SELECT c.oid FROM pg_class c
        WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND c.relname NOT IN (KEPT)
            AND c.relnamespace NOT IN ('pg_catalog'::regnamespace,
                                       'information_schema'::regnamespace)
        ORDER BY c.oid
    LOOP
        EXECUTE format('DELETE FROM ONLY %s', name);
    END LOOP;
    SET LOCAL session_replication_role = origin;
    SET LOCAL lock_timeout = 0;
END
$clean$
"""
