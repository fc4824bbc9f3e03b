"""Two rows of every table, with a value in every column, made from the declarations alone."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

import asyncpg

from app.importing.exports import parents_first
from app.postgres import EmbeddedPostgres
from models import ids
from models.accounts.users import User
from models.base import Record
from models.fields import ChoiceColumn, Column, IntegerColumn, JsonColumn, SecretColumn

T = TypeVar("T")

SUBJECT = "ada"
SECRET_TEXT = "planted-secret"
TEXT = 'Ein "Apfel" \\ 🍏\n\r\t\x01\x02\x7f\u2028,\\.'
# Numbers that floats would change; PostgreSQL keeps each digit.
JSON = '{"b": [1.10, 12345678901234567890123, 1e-7, -0.0, null], "a": {"ü": "\\u0001\\\\"}}'
TIME = datetime(2026, 3, 29, 1, 30, 0, 7_000, tzinfo=UTC)
ROWS = 2
EITHER = {("attachment", "url"): 0, ("attachment", "stored_file_id"): 1}
"""Columns of which a row has one, and the row that has it."""
ONE_AN_OWNER = {"credit_budget"}
FIXED: dict[str, Any] = {
    "last_active_at": TIME + timedelta(days=9_999),  # so that no request has to note it
    "anonymous": False,
    "scopes": '["read"]',
    # Credits, of which the parts make the whole.
    "granted": Decimal("10.5"),
    "points": Decimal("7.25"),
    "reserved": Decimal(1),
    "spent": Decimal("2.25"),
}


@contextmanager
def database_with_one_of_each(postgres: EmbeddedPostgres, template: str) -> Iterator[str]:
    """The address of a new database filled like this, dropped at the end."""
    name = f"each_{uuid.uuid4().hex}"
    postgres.create_database(name, template)
    in_a_loop_of_its_own(write_one_of_each(postgres.url(name)))
    yield postgres.url(name)
    postgres.drop_database(name)


def in_a_loop_of_its_own(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine for a fixture of a module, in a thread: here runs pytest-asyncio's."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


async def write_one_of_each(url: str) -> dict[type[Record], list[str]]:
    """Fill an empty, migrated database; returns the ids. SUBJECT owns all."""
    made = {model: [ids.new_id(model.prefix) for _ in range(ROWS)] for model in parents_first()}
    connection = await asyncpg.connect(url)
    try:
        for model in made:
            rows = [_row(model, made, place) for place in range(ROWS)]
            await connection.copy_records_to_table(
                model.table(), columns=model.columns(), records=rows
            )
    finally:
        await connection.close()
    return made


def _row(model: type[Record], made: dict[type[Record], list[str]], place: int) -> list[Any]:
    return [_value(model, name, made, place) for name in model.columns()]


def _value(model: type[Record], name: str, made: dict[type[Record], list[str]], place: int) -> Any:
    users = made[User]
    references = model.references()
    if EITHER.get((model.table(), name), place) != place or name == "deleted_at":
        return None
    if name == "id":
        return made[model][place]
    if name in references:  # in a table of its own, to the row that comes after it
        return made[references[name]][1 - place if references[name] is model else place]
    if name == "owner_id":
        return users[place if model.table() in ONE_AN_OWNER else 0]
    if name == "user_id":
        return users[place]
    if name == "clerk_id":
        return [SUBJECT, "bob"][place]
    if name in ("storage_key", "sha256"):  # by which bytes are found
        return f"{place:02x}/{place:038x}" if name == "storage_key" else f"{place:064x}"
    return FIXED[name] if name in FIXED else _plain(model.column(name), name, place)


def _plain(column: Column, name: str, place: int) -> Any:
    if isinstance(column, JsonColumn) and not column.opaque:
        return '["mock:raypx-1"]'
    kind: type = column.field_type
    if isinstance(column, SecretColumn):
        return f"{SECRET_TEXT} {name} {place}"
    if isinstance(column, ChoiceColumn):
        return list(column.choices)[place].value
    if isinstance(column, IntegerColumn):
        return min(place + 1, column.most)
    if kind is datetime:
        return TIME + timedelta(days=place)
    return {
        str: f"{name} {place} {TEXT}",
        bool: place == 0,
        Decimal: Decimal("12.5000") + place,
        dict: JSON,
    }[kind]
