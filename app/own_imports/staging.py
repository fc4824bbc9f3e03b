"""Rows of a user's export into temporary tables: checked, under the ids they get here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it has none

from app.exporting import rows_file
from app.files.moving import FOLDER
from app.importing.lines import parse_line, read_value
from app.own_imports.taken import Taken, staged
from models import fields
from models.accounts.users import User
from models.chat.messages import CONTENT_LIMIT
from models.errors import Invalid
from models.files.stored_files import StoredFile, new_storage_key
from models.ids import derived_id, milliseconds_of, prefix_of

if TYPE_CHECKING:
    from app.own_exports import OwnManifest
    from models.base import Record

LINE_LIMIT = 64 << 20  # bytes
OF_OTHERS = {"client_message_id", "source_id", "call_id"}
"""Columns called after ids that are none of ours."""
JSON_LIMITS = {"parts": 2 * CONTENT_LIMIT} | dict.fromkeys(
    ("usage", "citations", "source_metadata"), 100_000
)
"""Characters of the JSON in columns that nothing else bounds."""


@dataclass(frozen=True, slots=True)
class Owners:
    """Whose the rows are in the file, and whose they will be.

    For the same user they keep their ids. For another they get ids that follow from theirs, so that
    a second import finds what the first one brought.
    """

    source: str
    target: str

    def id(self, value: str) -> str | None:
        """What an id of the file becomes; None for that of any other user."""
        prefix = prefix_of(value)
        if prefix == User.prefix:
            return self.target if value == self.source else None
        if self.source == self.target or prefix is None:
            return value
        return derived_id(prefix, milliseconds_of(value), f"own {self.target} {value}")


class Stager:
    """Reads the rows of one table of an export."""

    def __init__(
        self, taken: Taken, archive: ZipFile, manifest: OwnManifest, owners: Owners
    ) -> None:
        self._taken = taken
        self._model = taken.model
        self._archive = archive
        self._told = manifest.tables[self._model.table()]
        self._owners = owners
        self._entries = {*archive.namelist()} if self._model is StoredFile else set[str]()
        self.read = 0

    @property
    def columns(self) -> dict[str, str]:
        """The columns of the staged rows, and their types; files tell where their bytes are."""
        found = {name: str(_column(self._model, name).SQL_TYPE) for name in self._told.columns}
        if self._model is StoredFile:
            found |= {"storage_key": fields.KEY_TYPE, "entry": "text"}
        return found

    def rows(self) -> Iterator[list[Any]]:
        """The rows that can be had. Raises Invalid, naming table and line."""
        with self._archive.open(rows_file(self._model.table())) as file:
            for line in iter(lambda: file.readline(LINE_LIMIT), b""):
                self.read += 1
                try:
                    row = self._row(line)
                except Invalid as error:
                    place = f"{self._model.table()}, line {self.read}"
                    raise Invalid(f"{place}: {error}") from error
                if row is not None:
                    yield row
        if self.read != self._told.rows:
            rows = f"{self.read:,} rows and should have {self._told.rows:,}"
            raise Invalid(f"{self._model.table()}: The file has {rows}.")

    def _row(self, line: bytes) -> list[Any] | None:
        """The values of a row; None for a file whose bytes are not there."""
        row = parse_line(self._told.columns, line)
        if not isinstance(row["id"], str) or prefix_of(row["id"]) != self._model.prefix:
            raise Invalid("id: Not one of this table.")
        added: list[Any] = []
        if self._model is StoredFile:
            entry = f"{FOLDER}/{row['id']}.file"
            if entry not in self._entries:
                return None
            added = [new_storage_key(), entry]
        self._taken.check(row)
        return [self._value(name, row[name]) for name in self._told.columns] + added

    def _value(self, name: str, given: Any) -> Any:
        value, column = read_value(self._model, name, given), _column(self._model, name)
        if value is None:
            if not column.null:
                raise Invalid(f"{name}: Must not be null.")
            return None
        if isinstance(column, fields.ChoiceColumn) and value not in {*column.choices}:
            raise Invalid(f"{name}: Not one of its values.")
        if not isinstance(column, fields.JsonColumn):
            column.check(value)
        elif len(value) > JSON_LIMITS.get(name, len(value)):
            raise Invalid(f"{name}: At most {JSON_LIMITS[name]:,} characters of JSON.")
        if isinstance(column, fields.KeyColumn) and name not in OF_OTHERS:
            named = self._owners.id(value)
            return named if named is not None or column.null else self._owners.target
        return value


async def stage(connection: Any, stager: Stager, model: type[Record], *, empty: bool) -> None:
    """Copy the rows of a table into its staged one, or none of them. Raises Invalid."""
    table, columns = staged(model), stager.columns
    listed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    await connection.execute(
        f"CREATE TEMPORARY TABLE {table} ({listed}, taken boolean NOT NULL DEFAULT false) "
        "ON COMMIT DROP"
    )
    await connection.copy_records_to_table(
        table, columns=list(columns), records=[] if empty else stager.rows()
    )
    try:
        await connection.execute(f"CREATE UNIQUE INDEX ON {table} (id)")
    except asyncpg.UniqueViolationError as error:
        raise Invalid(f"{model.table()}: An id is there twice.") from error
    await connection.execute(f"ANALYZE {table}")


def _column(model: type[Record], name: str) -> Any:
    return model.column(name)
