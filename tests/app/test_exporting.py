"""`punnet export` and `punnet import punnet`: all goes over, whole or not at all, but no secret."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import asyncpg
import pytest
from graphql import GraphQLObjectType

from app.postgres import EmbeddedPostgres
from graphql_schema.core.record_type import MODELS, definition_of
from models.base import Record
from models.fields import SecretColumn, camel
from models.packages import record_models
from models.viewer import SYSTEM
from tests.harness.all_fields import everything, nodes_query, record_types
from tests.harness.api import StartServer
from tests.harness.commands import command, punnet
from tests.harness.eventually import eventually
from tests.harness.one_of_each import (
    ROWS,
    SECRET_TEXT,
    SUBJECT,
    database_with_one_of_each,
    in_a_loop_of_its_own,
    write_one_of_each,
)
from tests.harness.postgres import NewDatabase
from tests.harness.processes import ask

TABLES = sorted(model.table() for model in record_models())
SECRETS = sorted(
    f"{model.table()}.{name}"
    for model in record_models()
    for name in model.columns()
    if isinstance(model.column(name), SecretColumn)
)


@pytest.fixture(scope="module")
def filled(postgres: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    """A database with two rows in each table, made once for this module."""
    with database_with_one_of_each(postgres, template_database) as url:
        yield url


@pytest.fixture(scope="module")
def exported(filled: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `punnet export` made of it."""
    target = tmp_path_factory.mktemp("exported") / "all.zip"
    ended = in_a_loop_of_its_own(punnet("export", target, url=filled))
    assert ended.code == 0, ended.err
    return target


def node_types() -> dict[type[Record], GraphQLObjectType]:
    """The types of the API that are nodes, by their models."""
    kinds = record_types()
    named = {definition_of(made).name: model for made, model in MODELS.items()}
    return {named[name]: kind for name, kind in kinds.items() if kind.interfaces}


def same_bytes(*files: Path) -> bool:
    """Whether files are equal."""
    return len({file.read_bytes() for file in files}) == 1


def names_in(folder: Path) -> list[str]:
    """The files in a folder."""
    return [file.name for file in folder.iterdir()]


async def rows_in(url: str) -> int:
    """How many rows of records a database has."""
    return await ask(url, "SELECT " + " + ".join(f"(SELECT count(*) FROM {t})" for t in TABLES))


async def test_an_import_exports_again_as_the_same_bytes(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    source, copy = await new_database(), await new_database(empty=True)
    first, again = tmp_path / "first.zip", tmp_path / "again.zip"
    await write_one_of_each(source)
    # JSON's own null, in a column that may not be null.
    await ask(source, "UPDATE webhook_event SET payload = 'null' RETURNING id")
    assert (await punnet("export", first, url=source)).code == 0
    assert (await punnet("import", "punnet", first, url=copy)).code == 0
    assert await rows_in(copy) == ROWS * len(TABLES)
    assert (await punnet("export", again, url=copy)).code == 0
    assert same_bytes(first, again)


async def test_the_manifest_says_what_there_is(exported: Path) -> None:
    with ZipFile(exported) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        assert list(manifest["tables"]) == TABLES
        for name, table in manifest["tables"].items():
            lines = [json.loads(line) for line in archive.open(f"{name}/rows.jsonl")]
            assert len(lines) == table["rows"] == ROWS
            assert [list(line) for line in lines] == [table["columns"]] * ROWS
            assert [line["id"] for line in lines] == sorted(line["id"] for line in lines)
    told = {
        f"{name}.{one}" for name, table in manifest["tables"].items() for one in table["secrets"]
    }
    assert sorted(told) == SECRETS != []


async def test_values_are_written_as_they_are(exported: Path) -> None:
    with ZipFile(exported) as archive:
        usage = archive.read("usage/rows.jsonl").decode()
        fragment = archive.read("fragment/rows.jsonl").decode()
    assert '"created_at":"2026-03-29T01:30:00.007Z"' in usage
    assert "1.10, 12345678901234567890123, 0.0000001," in fragment
    assert usage.count('"points":"7.2500"') == ROWS


async def test_secrets_are_in_no_byte_and_are_listed(filled: str, tmp_path: Path) -> None:
    target = tmp_path / "all.zip"
    ended = await punnet("export", target, url=filled)
    _, _, listed = ended.out.partition("Left out, as secrets: ")
    assert sorted(listed.strip().removesuffix(".").split(", ")) == SECRETS
    with ZipFile(target) as archive:
        for name in archive.namelist():
            assert SECRET_TEXT.encode() not in archive.read(name)
    assert SECRET_TEXT.encode() not in target.read_bytes()


def without_secrets(data: Any) -> Any:
    """An answer as it is where `hasAccessToken` and its like are false, and no key is shown."""
    text = re.sub(r'"maskedKey": "(\\.|[^"])*"', '"maskedKey": null', json.dumps(data))
    for secret in SECRETS:
        name = camel(f"has_{secret.partition('.')[2].removesuffix('_hash')}")
        text = text.replace(f'"{name}": true', f'"{name}": false')
    return json.loads(text)


async def test_the_api_shows_the_same_rows(
    filled: str, exported: Path, new_database: NewDatabase, start_server: StartServer
) -> None:
    url = await new_database(empty=True)
    assert (await punnet("import", "punnet", exported, url=url)).code == 0
    source, copy = [await start_server(url=each, worker=False) for each in (filled, url)]
    for model, kind in node_types().items():
        ids = [row["id"] for row in await source.sql(f"SELECT id FROM {model.table()}")]
        query = nodes_query(kind.name, everything(kind))
        before = await source.user(SUBJECT).run(query, ids=ids)
        assert any(before["nodes"]), kind.name
        assert await copy.user(SUBJECT).run(query, ids=ids) == without_secrets(before)


async def test_followers_hear_of_it_once_for_each_owner(
    exported: Path, new_database: NewDatabase
) -> None:
    url = await new_database(empty=True)
    assert (await punnet("import", "punnet", exported, url=url)).code == 0
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT owner_id, verb, changes FROM event_log")
    users = await connection.fetch("SELECT id FROM user_account UNION SELECT id FROM org")
    await connection.close()
    owners = [SYSTEM, *(row["id"] for row in users)]
    assert sorted(row["owner_id"] for row in rows) == sorted(owners)
    for row in rows:
        told = {"op": "imported", "id": row["owner_id"], "columns": [], "old": {}, "new": {}}
        assert (row["verb"], json.loads(row["changes"])) == ("import", [told])


# -- one snapshot, one file ----------------------------------------------------------------------


@asynccontextmanager
async def locked(url: str, table: str, mode: str) -> AsyncIterator[asyncpg.Connection]:
    """Hold a lock on a table, so that a command stops there."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute(f"LOCK TABLE {table} IN {mode} MODE")
            yield connection
    finally:
        await connection.close()


async def waits(url: str) -> int | None:
    """The process id of who waits for a lock, if anybody does."""
    return await ask(
        url,
        "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
        "AND datname = current_database()",
    )


_MEANWHILE = "UPDATE rate_limit SET key = 'meanwhile' WHERE id = (SELECT min(id) FROM rate_limit)"


async def test_what_is_written_meanwhile_is_not_in_it(filled: str, tmp_path: Path) -> None:
    target = tmp_path / "all.zip"
    async with command("export", target, url=filled) as running:
        async with locked(filled, "message", "ACCESS EXCLUSIVE"):
            await eventually(lambda: waits(filled))
            await ask(filled, _MEANWHILE, "SELECT 1")
            assert not target.exists()
        assert (await running.ended()).code == 0
    with ZipFile(target) as archive:
        assert b"meanwhile" not in archive.read("rate_limit/rows.jsonl")


@pytest.mark.parametrize("end", ["kill", "lost"])
async def test_an_export_that_breaks_off_leaves_no_file(
    filled: str, tmp_path: Path, end: str
) -> None:
    target = tmp_path / "all.zip"
    target.write_text("the last one")
    async with (
        locked(filled, "message", "ACCESS EXCLUSIVE"),
        command("export", target, url=filled) as running,
    ):
        pid = await eventually(lambda: waits(filled))
        if end == "kill":
            await running.kill()
        else:
            await ask(filled, f"SELECT pg_terminate_backend({pid})")
            assert (await running.ended()).code != 0
            assert names_in(tmp_path) == [target.name]
    assert target.read_text() == "the last one"


async def test_a_database_that_is_not_up_to_date_is_refused(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    ended = await punnet("export", tmp_path / "all.zip", url=await new_database(empty=True))
    assert (ended.code, ended.err) == (
        1, "The database is not up to date; run `punnet migrate` first.\n"
    )  # fmt: skip
    assert names_in(tmp_path) == []


# -- memory ----------------------------------------------------------------------------------------

GROWTH = 24 << 20  # bytes; far less than what is moved
MUCH = 80 << 20
_FILL = """\
INSERT INTO webhook_event (id, created_at, updated_at, source, event_id, event_type, status,
    retry_count, payload)
SELECT 'whe_' || i, now(), now(), 'polar', i, 'big', 'received', 0, jsonb_build_object('text', (
    SELECT string_agg(md5(i || '.' || n), '') FROM generate_series(1, 128) n))
FROM generate_series(1, $1::bigint / 4096) i"""


async def test_memory_stays_flat(
    filled: str, exported: Path, new_database: NewDatabase, tmp_path: Path
) -> None:
    large, target = await new_database(), tmp_path / "large.zip"
    connection = await asyncpg.connect(large)
    await connection.execute(_FILL, MUCH)
    await connection.close()
    exports = [
        await punnet("export", file, url=url)
        for file, url in [(tmp_path / "usual.zip", filled), (target, large)]
    ]
    imports = [
        await punnet("import", "punnet", file, url=await new_database())
        for file in (exported, target)
    ]
    assert target.stat().st_size > MUCH / 4
    for usual, most in (exports, imports):
        assert (usual.code, most.code) == (0, 0), most.err
        assert most.peak < usual.peak + GROWTH
