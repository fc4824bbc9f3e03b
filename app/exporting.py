"""`punnet export`: every row of every record, in a ZIP whose bytes follow from the rows alone.

`manifest.json` tells the format, the schema and what each table has; `<table>/rows.jsonl` holds
one row a line, in the order of ids, and `stored_file/bytes/` the bytes of files. Times are ISO
8601 in UTC with milliseconds, decimals are strings. PostgreSQL writes the lines, so memory stays
flat and jsonb goes through untouched.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import typer
from pydantic import BaseModel

from app.database import connect
from app.files.moving import Moved, export_files
from app.files.store import Store
from app.migrations import applied, newest
from models.base import Record
from models.errors import Conflict
from models.fields import SecretColumn
from models.packages import record_models

FORMAT = 1
MANIFEST = "manifest.json"
_TIME = 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'
# JSON has neither character as such, so PostgreSQL's CSV leaves its lines as they are.
_PLAIN_LINES = {"format": "csv", "quote": "\x01", "delimiter": "\x02"}


class ExportedTable(BaseModel):
    """What an export has of a table; `secrets` are the columns that it has not."""

    columns: list[str]
    secrets: list[str]
    rows: int = 0


class Manifest(BaseModel):
    """What an export has, and the migration that its tables are at; `objects` are the pieces of
    files, and `lacking` the ids of files of which some were gone already."""

    format: int = FORMAT
    migration: str
    tables: dict[str, ExportedTable]
    objects: int = 0
    lacking: list[str] = []


def exported_models() -> list[type[Record]]:
    """Every table of records, by its name."""
    return sorted(record_models(), key=lambda model: model.table())


def exported_columns(model: type[Record]) -> list[str]:
    """The columns of a table that an export has: all but secrets."""
    return [name for name in model.columns() if not isinstance(model.column(name), SecretColumn)]


def empty_manifest() -> Manifest:
    """The manifest of an export without rows, by this version's models."""
    tables = {model.table(): exported_table(model) for model in exported_models()}
    return Manifest(migration=newest(), tables=tables)


def rows_file(table: str) -> str:
    """Where in the ZIP the rows of a table are."""
    return f"{table}/rows.jsonl"


async def write_export(url: str, store: Store, target: Path) -> Manifest:
    """Write one snapshot of a database, and the files of `store`, to `target`, which appears when
    it is whole.

    Raises Conflict when the database is not up to date, OSError when the file can't be written,
    Unavailable when the storage can't be read.
    """
    connection = await connect(url)
    try:
        if await applied(connection) != newest():
            raise Conflict("The database is not up to date; run `punnet migrate` first.")
        with replacing(target) as file, ZipFile(file, "w") as archive:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                return await _write(connection, archive, store)
    finally:
        await connection.close()


def show_tables(manifest: Manifest) -> None:
    """Print how many rows each table has, and which columns were left out."""
    for name, table in manifest.tables.items():
        typer.echo(f"{table.rows:>12,}  {name}")
    typer.echo(f"{manifest.objects:>12,}  files and thumbnails")
    if manifest.lacking:
        typer.echo(f"Without bytes: {', '.join(manifest.lacking)}.")
    secrets = [f"{name}.{one}" for name, table in manifest.tables.items() for one in table.secrets]
    if secrets:
        typer.echo(f"Left out, as secrets: {', '.join(secrets)}.")


async def _write(connection: Any, archive: ZipFile, store: Store) -> Manifest:
    manifest = empty_manifest()
    for model in exported_models():
        await write_rows(connection, archive, model, manifest.tables[model.table()])
    write_manifest(archive, manifest, await export_files(connection, archive, store))
    return manifest


async def write_rows(
    connection: Any,
    archive: ZipFile,
    model: type[Record],
    table: ExportedTable,
    where: str = "true",
    *args: Any,
) -> None:
    """Write the rows of a table `t` that meet `where`, and how many there are into `table`."""
    with archive.open(_entry(rows_file(model.table())), "w", force_zip64=True) as file:
        query = _lines(model, table.columns, where)
        tag: str = await connection.copy_from_query(query, *args, output=file, **_PLAIN_LINES)
    table.rows = int(tag.rsplit(maxsplit=1)[-1])


def write_manifest(archive: ZipFile, manifest: Manifest, files: Moved) -> None:
    """Write what an archive says of itself and of its files, as its last entry."""
    manifest.objects, manifest.lacking = files.objects, sorted({*files.lacking})
    archive.writestr(_entry(MANIFEST), manifest.model_dump_json(indent=2) + "\n")


def exported_table(model: type[Record], *left_out: str) -> ExportedTable:
    """What an export has of a table, without its rows, secrets and the columns `left_out`."""
    columns = [name for name in exported_columns(model) if name not in left_out]
    return ExportedTable(
        columns=columns, secrets=[name for name in model.columns() if name not in columns]
    )


def _lines(model: type[Record], columns: list[str], where: str) -> str:
    """The rows of a table that meet `where` as lines of JSON."""
    listed = ", ".join(_selected(model, name) for name in columns)
    rows = f"SELECT {listed} FROM {model.table()} t WHERE {where} ORDER BY id"
    return f"SELECT row_to_json(r) FROM ({rows}) r"


def _selected(model: type[Record], name: str) -> str:
    kind: type = model.column(name).field_type
    if kind is datetime:
        return f"to_char({name} AT TIME ZONE 'UTC', '{_TIME}') AS {name}"
    if kind is Decimal:
        return f"{name}::text"
    return name


def _entry(name: str) -> ZipInfo:
    """An entry whose header does not tell when it was written."""
    entry = ZipInfo(name)
    entry.compress_type = ZIP_DEFLATED
    return entry


@contextmanager
def replacing(target: Path) -> Generator[IO[bytes], None, None]:
    """A file beside `target` that takes its place at the end, and goes when there is an error."""
    start = f"{target.name}."
    with NamedTemporaryFile(
        dir=target.parent, prefix=start, suffix=".partial", delete=False
    ) as file:
        written = Path(file.name)
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            written.replace(target)
        except BaseException:
            written.unlink()
            raise
