"""Indexes and checks as PostgreSQL spells them back, so that a catalogue can be compared.

Tortoise's migrations drop constraints silently and know no DESC or partial index, so these are
declared here, created by `RunSQL` in a migration, and compared with the catalogue by a test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.base import Record


_PRINTED = {"interval": '"interval"'}  # words of SQL that may name a column


@dataclass(frozen=True, slots=True)
class Index:
    """An index over `columns` (`created_at DESC`), for the rows that meet `where`.

    `where` is written as PostgreSQL prints it: `(deleted_at IS NULL)`, `on_branch`. So is an
    expression among the columns, and then a `label` names the index.
    """

    columns: tuple[str, ...]
    unique: bool = False
    where: str = ""
    label: str = ""
    method: str = "btree"

    def name(self, table: str) -> str:
        """`message_project_id_order_id_idx`; partial ones end in `_part`, unique ones in `_key`."""
        words = self.label or "_".join(column.replace(" DESC", "") for column in self.columns)
        ending = "key" if self.unique else "idx"
        return f"{table}_{words}_{'part_' if self.where else ''}{ending}"

    def sql(self, table: str) -> str:
        """The statement that creates it, letter for letter what `pg_get_indexdef` prints."""
        unique = "UNIQUE " if self.unique else ""
        where = f" WHERE {self.where}" if self.where else ""
        return (
            f"CREATE {unique}INDEX {self.name(table)} ON public.{table} "
            f"USING {self.method} ({', '.join(self.columns)}){where}"
        )


@dataclass(frozen=True, slots=True)
class Check:
    """A condition that every row meets, written as PostgreSQL prints it."""

    name: str
    condition: str

    def sql(self, table: str) -> str:
        """The statement that adds it."""
        return f"ALTER TABLE public.{table} ADD CONSTRAINT {self.name} CHECK {self.condition}"


def unique(*columns: str, where: str = "", label: str = "") -> Index:
    """A unique index."""
    return Index(columns, unique=True, where=where, label=label)


def index(*columns: str, where: str = "", label: str = "") -> Index:
    """A plain index."""
    return Index(columns, where=where, label=label)


def words(text: str) -> Index:
    """An index that finds the words of `text`, an expression, among those of one owner.

    The owner is one more word of each row, so that a search never reads what others wrote.
    """
    owner = "array_to_tsvector(ARRAY[owner_id])"
    return Index((f"(({owner} || {vector(text)}))",), label="words", method="gin")


def vector(text: str) -> str:
    """The words of `text`, an expression of SQL, as the index of them has it."""
    return f"to_tsvector('simple'::regconfig, {text})"


def checks_of(model: type[Record]) -> tuple[Check, ...]:
    """The declared checks and one for each column of choices."""
    table = model.table()
    found = list(model.checks)
    for column, choices in model.choice_columns().items():
        listed = ", ".join(f"'{choice.value}'::text" for choice in choices)
        condition = f"({_PRINTED.get(column, column)} = ANY (ARRAY[{listed}]))"
        found.append(Check(f"{table}_{column}_check", condition))
    return tuple(found)
