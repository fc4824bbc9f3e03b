"""Loading what `punnet export` wrote into an empty database, whole or not at all."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, TypeVar
from zipfile import BadZipFile, ZipFile

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it has none
from pydantic import ValidationError

from app.clock import SystemClock
from app.database import connect
from app.exporting import FORMAT, MANIFEST, Manifest, empty_manifest, exported_models, rows_file
from app.files.moving import import_files
from app.files.store import Store
from app.importing.lines import read_line
from app.migrations import migrate
from models.base import Record
from models.changes import note_import
from models.errors import Conflict, Invalid

LINE_LIMIT = 64 << 20  # bytes
MANIFEST_LIMIT = 1 << 20  # bytes
M = TypeVar("M", bound=Manifest)
_REFUSED = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)
_LINE = re.compile(r"^\w+ \w+, line (\d+)")


async def load_export(url: str, store: Store, path: Path) -> Manifest:
    """Bring an empty database up to date and load an export into it, in one transaction.

    Raises Conflict when the database has rows, Invalid for a file that is no export or one of
    another version, and for the first line that does not fit, naming table, line and reason.
    """
    try:
        with ZipFile(path) as archive:
            manifest = check_manifest(archive, empty_manifest())
            await migrate(url)
            connection = await connect(url)
            try:
                async with connection.transaction():
                    await _load(connection, archive, manifest)
                    # The bytes last, when all rows are known to be fine.
                    await import_files(connection, archive, store, manifest.objects)
            finally:
                await connection.close()
    except (BadZipFile, EOFError, zlib.error) as error:
        raise Invalid(f"The file is broken: {error}") from error
    return manifest


def check_manifest(archive: ZipFile, ours: M) -> M:
    """What an export says of itself. Raises Invalid unless this version, which would write `ours`
    of no rows, could have written it."""
    try:
        manifest = type(ours).model_validate_json(_told(archive))
    except (KeyError, ValidationError) as error:
        raise Invalid("The file is no export of Punnet.") from error
    if manifest.format != FORMAT:
        raise Invalid(f"The export has format {manifest.format}; this version reads {FORMAT}.")
    if manifest.migration != ours.migration:
        raise Invalid(
            f"The export is of the schema {manifest.migration}; this one is {ours.migration}."
        )
    if _shape(manifest) != _shape(ours):
        raise Invalid("The export has other tables or columns than this schema.")
    missing = {rows_file(table) for table in manifest.tables} - set(archive.namelist())
    if missing:
        raise Invalid(f"The file is broken: it lacks {', '.join(sorted(missing))}.")
    return manifest


def _told(archive: ZipFile) -> bytes:
    with archive.open(MANIFEST) as file:
        return file.read(MANIFEST_LIMIT)


def _shape(manifest: Manifest) -> dict[str, list[str]]:
    return {name: table.columns for name, table in manifest.tables.items()}


async def _load(connection: Any, archive: ZipFile, manifest: Manifest) -> None:
    tables = [model.table() for model in exported_models()]
    # Nobody else writes until the end, so what is found empty stays so.
    await connection.execute(f"LOCK TABLE {', '.join(tables)} IN SHARE ROW EXCLUSIVE MODE")
    present = " UNION ALL ".join(
        f"(SELECT '{name}' AS name FROM {name} LIMIT 1)" for name in tables
    )
    filled = [row["name"] for row in await connection.fetch(present)]
    if filled:
        raise Conflict(f"The database is not empty: {', '.join(filled)}.")
    for model in parents_first():
        await _load_table(connection, archive, model, manifest)
    await connection.execute(_note(), SystemClock().now())


def parents_first() -> Iterable[type[Record]]:
    """Every table after those it refers to.

    A row may refer to any of its own table: foreign keys are checked when the table is whole.
    """
    references = {model: {*model.references().values()} - {model} for model in exported_models()}
    return TopologicalSorter(references).static_order()


async def _load_table(
    connection: Any, archive: ZipFile, model: type[Record], manifest: Manifest
) -> None:
    name, said = model.table(), manifest.tables[model.table()]
    try:
        tag: str = await connection.copy_records_to_table(
            name, columns=said.columns, records=_rows(archive, model, said.columns)
        )
    except _REFUSED as error:
        raise Invalid(_refused(name, error)) from error
    rows = int(tag.rsplit(maxsplit=1)[-1])
    if rows != said.rows:
        raise Invalid(f"{name}: The file has {rows:,} rows and should have {said.rows:,}.")


def _rows(archive: ZipFile, model: type[Record], columns: list[str]) -> Iterator[list[Any]]:
    with archive.open(rows_file(model.table())) as file:
        for number, line in enumerate(iter(lambda: file.readline(LINE_LIMIT), b""), 1):
            try:  # a line that was cut at the limit is no JSON
                yield read_line(model, columns, line)
            except Invalid as error:
                raise Invalid(f"{model.table()}, line {number}: {error}") from error


def _refused(table: str, error: asyncpg.PostgresError) -> str:
    """What PostgreSQL refused; it names the line of all but repeated keys and foreign keys."""
    fields: Any = error  # asyncpg gives it attributes that it does not declare
    line = _LINE.match(fields.context or "")
    place = f"{table}, line {line[1]}" if line else table
    keyed = isinstance(error, asyncpg.UniqueViolationError | asyncpg.ForeignKeyViolationError)
    return f"{place}: {fields.detail if keyed else fields.message}"


def _note() -> str:
    """The statement that tells each owner's followers; $1 is the time."""
    owners = " UNION ".join(
        f"SELECT {model.owner_sql()} AS owner_id FROM {model.table()}"
        for model in exported_models()
    )
    return note_import(owners)
