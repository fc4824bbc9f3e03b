"""`punnet import punnet`: what does not fit is named, and then nothing is written."""

from __future__ import annotations

import json
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import asyncpg
import pytest

from app.exporting import MANIFEST
from app.postgres import EmbeddedPostgres
from models.packages import record_models
from tests.harness.api import SECRET
from tests.harness.commands import command, punnet
from tests.harness.eventually import eventually
from tests.harness.nursery import Nursery, nursery
from tests.harness.one_of_each import database_with_one_of_each, in_a_loop_of_its_own
from tests.harness.postgres import NewDatabase
from tests.harness.processes import ask

TABLES = sorted(model.table() for model in record_models())
Edit = Callable[[dict[str, Any]], Any]


@pytest.fixture(scope="module")
def exported(
    postgres: EmbeddedPostgres, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """An export of a database with two rows in each table."""
    target = tmp_path_factory.mktemp("exported") / "all.zip"
    with database_with_one_of_each(postgres, template_database) as url:
        ended = in_a_loop_of_its_own(punnet("export", target, url=url))
        assert ended.code == 0, ended.err
        yield target


@dataclass
class Importer:
    """Imports changed copies of an export into one database, which must stay empty."""

    nursery: Nursery
    url: str
    source: Path
    folder: Path

    async def refusal(self, file: Path) -> str:
        """The words with which a file is refused."""
        settings = {"PUNNET_DATABASE_URL": self.url, "PUNNET_SECRET": SECRET}
        child = await self.nursery.start("import", "punnet", str(file), **settings)
        assert await child.ended == 1, "it was not refused"
        count = " + ".join(f"(SELECT count(*) FROM {name})" for name in (*TABLES, "event_log"))
        assert await ask(self.url, f"SELECT {count}") == 0, "something was written"
        return child.log.read_text().strip()

    async def refusal_of(self, entry: str, change: Callable[[bytes], bytes]) -> str:
        """The words with which a copy is refused that has one entry changed."""
        return await self.refusal(self.changed(entry, change))

    async def refusal_of_line(self, table: str, change: Edit | bytes) -> str:
        """The words for a copy whose second row of a table is another."""

        def changed(whole: bytes) -> bytes:
            first, second, end = whole.split(b"\n")
            line = change if isinstance(change, bytes) else edited(second, change)
            return b"\n".join([first, line, end])

        return await self.refusal_of(f"{table}/rows.jsonl", changed)

    def changed(self, entry: str, change: Callable[[bytes], bytes]) -> Path:
        """A copy with one entry changed."""
        target = self.folder / "changed.zip"
        with ZipFile(self.source) as source, ZipFile(target, "w") as copy:
            for name in source.namelist():
                content = source.read(name)
                copy.writestr(name, change(content) if name == entry else content)
        return target


@pytest.fixture
async def importer(
    exported: Path, new_database: NewDatabase, tmp_path: Path
) -> AsyncIterator[Importer]:
    """See Importer."""
    async with nursery(tmp_path) as made:
        yield Importer(made, await new_database(), exported, tmp_path)


def edited(whole: bytes, change: Edit) -> bytes:
    """A JSON object after `change`, which may also return what takes its place."""
    value = json.loads(whole)
    other = change(value)
    return json.dumps(value if other is None else other).encode()


def put(name: str, value: Any) -> Edit:
    """Have another value in a column."""
    return lambda row: row.update({name: value})


LINES: dict[str, tuple[str, Edit | bytes, str]] = {
    "half": ("message", b'{"id": ', "Not JSON at character 9: Expecting value."),
    "not a number": ("usage", b'{"id": NaN}', "Not JSON: NaN is no number."),
    "not Unicode": ("usage", b'{"id": "\xff"}', "Not JSON: 'utf-8' codec can't decode byte 0xff"),
    "deep": ("message", b"[" * 100_000, "Not JSON: "),
    "a list": ("message", lambda row: [row], "Not an object."),
    "a column less": (
        "project", lambda row: row.pop("name") and None,
        "Columns that are missing or not known: name.",
    ),
    "a column more": (
        "project", put("colour", "red"), "Columns that are missing or not known: colour.",
    ),
    "a secret": (
        "oauth_connection", put("access_token", "x"),
        "Columns that are missing or not known: access_token.",
    ),
    "number for text": ("project", put("name", 7), "name: Must be text."),
    "text for number": ("message", put("order_id", "7"), "order_id: Must be a whole number."),
    "part of a number": ("message", put("order_id", 7.5), "order_id: Must be a whole number."),
    "huge": ("message", put("order_id", 10**30), "order_id: Must be a whole number."),
    "true for number": ("message", put("order_id", True), "order_id: Must be a whole number."),
    "number for truth": ("message", put("selected", 1), "selected: Must be true or false."),
    "no time": (
        "message", put("created_at", "soon"),
        "created_at: Must be a time such as 2026-01-31T23:59:59.000Z.",
    ),
    "no zone": (
        "message", put("created_at", "2026-01-31T23:59:59.000"),
        "created_at: Must be a time such as 2026-01-31T23:59:59.000Z.",
    ),
    "NUL": ("project", put("name", "a\0b"), "name: Text must not contain NUL."),
    "half a character": (
        "fragment", put("files", {"a": "\ud83c"}), "files: Text must be valid Unicode.",
    ),
    "null": (
        "message", put("content", None),
        'null value in column "content" of relation "message" violates not-null constraint',
    ),
    "no such choice": (
        "message", put("role", "KING"),
        'new row for relation "message" violates check constraint "message_role_check"',
    ),
}  # fmt: skip


async def test_a_line_that_does_not_fit_is_named(importer: Importer) -> None:
    for name, (table, change, reason) in LINES.items():
        said = await importer.refusal_of_line(table, change)
        assert said.startswith(f"{table}, line 2: {reason}"), name
        assert len(said.splitlines()) == 1, name


async def test_keys_that_do_not_fit_are_named(importer: Importer) -> None:
    said = await importer.refusal_of_line("message", put("conversation_id", "cnv_gone"))
    assert said == (
        'message: Key (conversation_id)=(cnv_gone) is not present in table "conversation".'
    )
    path = "message/rows.jsonl"
    said = await importer.refusal_of(path, lambda whole: whole + whole.splitlines()[0] + b"\n")
    assert said.startswith("message, line 3: Key (")
    assert said.endswith("already exists.")


async def test_a_file_that_lost_something_is_refused(importer: Importer) -> None:
    path = "webhook_event/rows.jsonl"
    said = await importer.refusal_of(path, lambda whole: whole.splitlines()[0])
    assert said == "webhook_event: The file has 1 rows and should have 2."
    with ZipFile(importer.source) as source, ZipFile(importer.folder / "less.zip", "w") as copy:
        for name in set(source.namelist()) - {path}:
            copy.writestr(name, source.read(name))
    said = await importer.refusal(importer.folder / "less.zip")
    assert said == f"The file is broken: it lacks {path}."
    whole = importer.source.read_bytes()
    broken = importer.folder / "broken.zip"
    for cut in (whole[:-100], whole[: len(whole) // 2]):
        broken.write_bytes(cut)
        assert await importer.refusal(broken) == "The file is broken: File is not a zip file"
    with ZipFile(importer.source) as archive:
        place = archive.getinfo("message/rows.jsonl").header_offset + 200
    broken.write_bytes(whole[:place] + bytes(8) + whole[place + 8 :])
    assert (await importer.refusal(broken)).startswith("The file is broken: ")


async def test_an_export_of_another_kind_is_refused(importer: Importer) -> None:
    def manifest(change: Edit) -> Any:
        return importer.refusal_of(MANIFEST, lambda whole: edited(whole, change))

    assert await manifest(put("format", 2)) == "The export has format 2; this version reads 1."
    said = await manifest(put("migration", "0001_initial"))
    assert said.startswith("The export is of the schema 0001_initial; this one is ")
    other = "The export has other tables or columns than this schema."
    assert await manifest(lambda told: told["tables"].pop("usage") and None) == other
    assert await manifest(lambda told: told["tables"]["usage"]["columns"].pop() and None) == other
    assert (
        await importer.refusal_of(MANIFEST, lambda _: b"[]") == "The file is no export of Punnet."
    )


async def test_a_database_with_rows_is_refused(exported: Path, new_database: NewDatabase) -> None:
    url = await new_database()
    row = "INSERT INTO rate_limit SELECT * FROM jsonb_populate_record(NULL::rate_limit, $1)"
    connection = await asyncpg.connect(url)
    with ZipFile(exported) as archive:
        line, *_ = archive.read("rate_limit/rows.jsonl").split(b"\n")
    await connection.execute(row, line.decode())
    await connection.close()
    ended = await punnet("import", "punnet", exported, url=url)
    assert (ended.code, ended.err) == (1, "The database is not empty: rate_limit.\n")


async def test_an_import_that_is_killed_leaves_nothing(
    exported: Path, new_database: NewDatabase
) -> None:
    url = await new_database()
    connection = await asyncpg.connect(url)
    async with connection.transaction(), command("import", "punnet", exported, url=url) as running:
        await connection.execute("LOCK TABLE event_log IN EXCLUSIVE MODE")
        pid = await eventually(lambda: ask(url, WAITING))
        with pytest.raises(asyncpg.LockNotAvailableError):  # else the database might fill up
            await ask(url, "SET lock_timeout = '100ms'", "DELETE FROM rate_limit RETURNING id")
        running.process.send_signal(signal.SIGKILL)
        assert (await running.ended()).code == -signal.SIGKILL
    await connection.close()
    await eventually(lambda: gone(url, pid))
    counts = " + ".join(f"(SELECT count(*) FROM {name})" for name in TABLES)
    assert await ask(url, f"SELECT {counts}") == 0
    assert (await punnet("import", "punnet", exported, url=url)).code == 0


WAITING = """SELECT pid FROM pg_stat_activity
WHERE wait_event_type = 'Lock' AND datname = current_database()"""


async def gone(url: str, pid: int) -> bool:
    """Whether a connection has ended."""
    return await ask(url, f"SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}") == 0
