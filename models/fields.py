"""The column types, each with its description and its bounds.

A column is declared as `name: str = text("What it is.", limit=200)`. The description becomes the
column's comment and the API's text; the bounds are checked by the write path, so no verb can
go round them.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any

from tortoise import fields
from tortoise.fields.base import OnDelete

from models.errors import Invalid
from models.storable import refuse_unstorable, refuse_unstorable_json

KEY_TYPE = 'TEXT COLLATE "C"'


@cache  # the names of columns
def camel(name: str) -> str:
    """`sandbox_url` → `sandboxUrl`, as the API spells it."""
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)


class Column(fields.Field[Any]):
    """A column that checks what is written to it. `indexable` columns may be in a B-tree."""

    def __init__(self, **options: Any) -> None:
        initialise: Any = super().__init__  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - Tortoise types it in part
        initialise(**options)

    def to_python_value(self, value: Any) -> Any:
        return value

    def check(self, value: Any) -> None:
        """Raise Invalid, naming the field as the API spells it, when `value` does not fit."""


class TextColumn(Column):
    field_type = str
    SQL_TYPE = "TEXT"

    def __init__(self, *, limit: int, blank: bool, **options: Any) -> None:
        super().__init__(**options)
        self.limit = limit
        self.blank = blank

    def check(self, value: Any) -> None:
        field = camel(self.model_field_name)
        if len(value) > self.limit:
            raise Invalid(f"At most {self.limit:,} characters.", field=field)
        if not self.blank and not value.strip():
            raise Invalid("Must not be empty.", field=field)
        refuse_unstorable(value, field)


class KeyColumn(TextColumn):
    SQL_TYPE = KEY_TYPE

    def __init__(self, **options: Any) -> None:
        super().__init__(limit=255, blank=False, **options)


class SecretColumn(TextColumn):
    """Text that is stored encrypted: no field of the API, no index and no export holds it.

    `bound` names columns of the row to whose values it is bound beside its owner. `sealed_as` names
    the column that it is sealed for, `table.column`, where that is another one: from there it is
    taken over without being opened.
    """

    indexable = False
    sealed_as: str | None = None

    def __init__(
        self, *, limit: int, blank: bool, bound: tuple[str, ...] = (), **options: Any
    ) -> None:
        super().__init__(limit=limit, blank=blank, **options)
        self.bound = bound


class DigestColumn(SecretColumn):
    """The digest of a secret: no field of the API and no export holds it, but it finds the row."""

    SQL_TYPE = KEY_TYPE
    indexable = True


class TimeColumn(Column):
    field_type = datetime
    SQL_TYPE = "TIMESTAMPTZ(3)"


class IntegerColumn(Column):
    field_type = int
    SQL_TYPE = "BIGINT"

    def __init__(self, *, least: int, most: int, **options: Any) -> None:
        super().__init__(**options)
        self.least = least
        self.most = most

    def check(self, value: Any) -> None:
        if not self.least <= value <= self.most:
            raise Invalid(
                f"Must be from {self.least:,} to {self.most:,}.",
                field=camel(self.model_field_name),
            )


class DecimalColumn(Column):
    field_type = Decimal
    SQL_TYPE = "NUMERIC(18,4)"
    places = 4
    too_much = Decimal(10**14)

    def check(self, value: Any) -> None:
        field = camel(self.model_field_name)
        if not value.is_finite() or abs(value) >= self.too_much:
            raise Invalid(f"Must be less than {self.too_much:,}.", field=field)
        if value != round(value, self.places):
            raise Invalid(f"At most {self.places} decimal places.", field=field)


class CostColumn(DecimalColumn):
    """What one call costs: tokens at prices of four decimal places a million, never rounded."""

    SQL_TYPE = "NUMERIC(20,10)"
    places = 10
    too_much = Decimal(10**10)


class BooleanColumn(Column):
    SQL_TYPE = "BOOLEAN"
    field_type = bool


class JsonColumn(Column):
    field_type = dict
    SQL_TYPE = "JSONB"
    indexable = False
    opaque = True

    def check(self, value: Any) -> None:
        refuse_unstorable_json(value, camel(self.model_field_name))


class ChoiceColumn(KeyColumn):
    def __init__(self, *, choices: type[StrEnum], **options: Any) -> None:
        super().__init__(**options)
        self.choices = choices

    def to_python_value(self, value: Any) -> Any:
        return None if value is None else self.choices(value)


def key(description: str, *, null: bool = False, unique: bool = False) -> Any:
    """An id or another exact key, collated "C", at most 255 characters."""
    return KeyColumn(description=description, null=null, unique=unique)


def text(
    description: str, *, limit: int, blank: bool = False, null: bool = False, default: Any = None
) -> Any:
    """Text of at most `limit` characters; `blank` allows the empty one."""
    return TextColumn(description=description, limit=limit, blank=blank, null=null, default=default)


def secret(
    description: str, *, limit: int, bound: tuple[str, ...] = (), sealed_as: str | None = None
) -> Any:
    """Text of at most `limit` characters, sealed by who writes it (see models.sealing); null where
    there is none. It opens in no row that differs in a column of `bound`. For `sealed_as` see
    SecretColumn."""
    column = SecretColumn(description=description, limit=limit, bound=bound, blank=False, null=True)
    column.sealed_as = sealed_as
    return column


def digest(description: str, *, limit: int = 64) -> Any:
    """The digest of a secret, such as SHA-256 in hexadecimal; null where there is none."""
    return DigestColumn(description=description, limit=limit, blank=False, null=True)


def moment(description: str, *, null: bool = False) -> Any:
    """A time in whole milliseconds."""
    return TimeColumn(description=description, null=null)


def integer(
    description: str,
    *,
    least: int = 0,
    most: int = 2**31 - 1,
    null: bool = False,
    default: int | None = None,
) -> Any:
    """A whole number from `least` to `most`, both included."""
    return IntegerColumn(
        description=description, least=least, most=most, null=null, default=default
    )


def decimal(description: str, *, null: bool = False, default: Decimal | None = None) -> Any:
    """An exact number with four decimal places, up to fourteen before the point."""
    return DecimalColumn(description=description, null=null, default=default)


def cost(description: str, *, default: Decimal | None = None) -> Any:
    """US dollars, exact to ten decimal places, up to ten before the point."""
    return CostColumn(description=description, default=default)


def flag(description: str, *, null: bool = False, default: bool | None = None) -> Any:
    """True or false."""
    return BooleanColumn(description=description, null=null, default=default)


def json(description: str, *, null: bool = False, default: Any = None, opaque: bool = True) -> Any:
    """Any JSON value, kept as jsonb; `opaque` for one that the API passes on without a look."""
    column = JsonColumn(description=description, null=null, default=default)
    column.opaque = opaque
    return column


def choice(
    choices: type[StrEnum], description: str, *, null: bool = False, default: Any = None
) -> Any:
    """One of `choices`, stored as the enum's value and held by a check constraint."""
    return ChoiceColumn(choices=choices, description=description, null=null, default=default)


def reference(model: str, description: str, *, null: bool = False) -> Any:
    """A foreign key to the table of `model`, by name; the column is `<field>_id`."""
    foreign_key: Any = fields.ForeignKeyField
    return foreign_key(
        f"models.{model}",
        related_name=False,
        on_delete=OnDelete.NO_ACTION,
        null=null,
        description=description,
    )
