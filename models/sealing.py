"""Encrypted columns: which there are, and what each one's text is bound to."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from models.fields import DigestColumn, SecretColumn

if TYPE_CHECKING:
    from models.base import Record
    from models.ports import Vault


@cache
def sealed_columns(model: type[Record]) -> tuple[str, ...]:
    """The columns that hold encrypted text."""
    columns = {name: model.column(name) for name in model.columns()}
    return tuple(
        name
        for name, column in columns.items()
        if isinstance(column, SecretColumn) and not isinstance(column, DigestColumn)
    )


def bound_columns(model: type[Record], column: str) -> tuple[str, ...]:
    """The columns to whose values an encrypted one is bound, beside its owner."""
    secret = model.column(column)
    assert isinstance(secret, SecretColumn), f"{column} is not encrypted"
    return secret.bound


def purpose_of(model: type[Record], column: str, row: Mapping[str, Any]) -> str:
    """What an encrypted text is for: `oauth_connection.access_token`, and after it the values
    that it is bound to: `user_key.encrypted_key:openai`."""
    values = (str(row[name]) for name in bound_columns(model, column))
    return ":".join((_sealed_as(model, column), *values))


def _sealed_as(model: type[Record], column: str) -> str:
    secret = model.column(column)
    taken_over = secret.sealed_as if isinstance(secret, SecretColumn) else None
    return taken_over or f"{model.table()}.{column}"


def sealed(vault: Vault, row: Record, column: str, text: str, *, owner: str | None = None) -> str:
    """A text as it is stored in the column of a row, for its owner or for another one."""
    purpose = purpose_of(type(row), column, vars(row))
    return vault.seal(text, owner=row.owner if owner is None else owner, purpose=purpose)


def opened(vault: Vault, row: Record, column: str) -> str | None:
    """The text in the column of a row; None where there is none. Raises ValueError for one that
    was sealed for something else, or by a key that is not known any more."""
    found: str | None = getattr(row, column)
    purpose = purpose_of(type(row), column, vars(row))
    return None if found is None else vault.open(found, owner=row.owner, purpose=purpose)
