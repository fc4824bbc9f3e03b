"""Record: what every table has, and the one place that touches Tortoise's inner side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import orjson
from tortoise import Model

from models import fields
from models.access import OperatorOnly
from models.errors import Invalid
from models.indexes import Check, Index
from models.packages import table_models
from models.viewer import SYSTEM

if TYPE_CHECKING:
    from models.access import Access
    from models.transaction import Transaction


class Record(Model):
    """A row with an id, two times and an access rule.

    Rows are read by the loaders and by transactions, and written only inside a verb.
    """

    prefix: ClassVar[str]
    access: ClassVar[Access]
    indexes: ClassVar[tuple[Index, ...]] = ()
    checks: ClassVar[tuple[Check, ...]] = ()
    unstamped: ClassVar[frozenset[str]] = frozenset()
    """Columns that tell nothing new of the row: who writes only these leaves `updated_at`."""
    only_grows: ClassVar[bool] = False
    """Whether its rows are never changed and never removed, whatever becomes of their owner."""

    id: str = fields.KeyColumn(
        primary_key=True, description="Its id, which says what it is and sorts by time."
    )  # type: ignore[assignment]
    created_at: datetime = fields.moment("When it was made.")
    updated_at: datetime = fields.moment("When it last changed.")

    transaction: Transaction | None = None
    locked: bool = False

    class Meta:
        abstract = True

    # Tortoise's own looks at each attribute for relations and defaults to await; it has neither.
    __setattr__ = object.__setattr__  # pyright: ignore[reportAssignmentType] - the names of its parameters differ

    def __init__(self, **values: Any) -> None:
        """A new row; columns that are not given get their defaults. Raises TypeError for others,
        and KeyError for none of a column's choices."""
        fixed, made = _defaults(type(self))
        if not values.keys() <= fixed.keys() | made.keys():
            raise TypeError(f"{type(self).__name__} has no {sorted(values.keys() - fixed.keys())}")
        own = vars(self)
        own.update(fixed)
        own.update((name, make()) for name, make in made.items() if name not in values)
        own.update(values)
        for name, members in _choices(type(self)):
            if own[name] is not None:
                own[name] = members[own[name]]

    @classmethod
    def table(cls) -> str:
        """The table's name."""
        return cls._meta.db_table

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """The names of its columns, in the order of their declaration."""
        return _columns(cls)

    @classmethod
    def column(cls, name: str) -> fields.Column:
        """The column called `name`. Raises KeyError for another name."""
        return cls._meta.fields_map[name]  # type: ignore[return-value]

    @classmethod
    def choice_columns(cls) -> dict[str, type[StrEnum]]:
        """The columns that hold one of a fixed set of values."""
        found = {name: cls.column(name) for name in cls.columns()}
        return {n: c.choices for n, c in found.items() if isinstance(c, fields.ChoiceColumn)}

    @classmethod
    def opaque_columns(cls) -> tuple[str, ...]:
        """The JSON columns that the API passes on without a look."""
        return _opaque_columns(cls)

    @classmethod
    def referenced(cls, name: str) -> type[Record]:
        """The model that the foreign key `name` points to."""
        return cls._meta.fields_map[name].related_model  # type: ignore[attr-defined]

    @classmethod
    def references(cls) -> dict[str, type[Record]]:
        """The columns that are foreign keys, each with the model it points to."""
        return {f"{name}_id": cls.referenced(name) for name in sorted(cls._meta.fk_fields)}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """The record that a database row holds; `row` has all the columns."""
        # Tortoise's own way works only once it is connected, which no process but a migration is,
        # and looks at each attribute as it is set.
        made = cls.__new__(cls)
        values = vars(made)
        values.update(row.items())
        for name, members in _choices(cls):
            value = values[name]
            if value is not None:
                values[name] = members[value]
        return made

    @classmethod
    def from_shown_row(cls, row: Mapping[str, Any]) -> Self:
        """The record that a row of `statements.shown` holds, to be passed on and not changed.

        Its opaque JSON is an orjson.Fragment, which is written as PostgreSQL holds it.
        """
        made = cls.from_row(row)
        values = vars(made)
        for name in cls.opaque_columns():
            if values[name] is not None:
                values[name] = orjson.Fragment(values[name])
        return made

    @classmethod
    def part(cls, row: Mapping[str, Any], names: tuple[str, ...]) -> Self:
        """A record of which only the columns `names` are known, to be computed with."""
        made = cls.__new__(cls)
        choices = cls.choice_columns()
        for name in names:
            value = row[name]
            read = choices.get(name)
            vars(made)[name] = value if value is None or read is None else read(value)
        return made

    @property
    def owner(self) -> str:
        """Whose row this is, for the event log; SYSTEM for what belongs to nobody."""
        nobodys = isinstance(self.access, OperatorOnly)
        return getattr(self, "owner_id", SYSTEM if nobodys else self.id)

    @classmethod
    def owner_sql(cls, of: str = "") -> str:
        """The same in SQL; `of` is the table's alias with its dot."""
        if "owner_id" in cls.columns():
            return f"{of}owner_id"
        return f"'{SYSTEM}'" if isinstance(cls.access, OperatorOnly) else f"{of}id"

    def values(self) -> list[Any]:
        """The values of its columns, in the order of `columns()`."""
        own = vars(self)
        return [own[name] for name in self.columns()]

    def index_keys(self) -> dict[str, Any]:
        """The values that say which lists it is in: its references and indexed keys."""
        return {name: getattr(self, name) for name in _key_columns(type(self))}

    async def change(self, **columns: Any) -> Self:
        """Write the columns that differ, stamp the time, and note the change.

        Raises Invalid for a value that does not fit its column.
        """
        return await self.inside.change(self, columns)

    async def remove(self) -> None:
        """Delete the row and note it."""
        await self.inside.remove(self)

    @property
    def inside(self) -> Transaction:
        """The transaction it was read in. Raises RuntimeError outside a verb, and after it."""
        if self.transaction is None or self.transaction.over:
            raise RuntimeError("rows change only inside a verb")
        return self.transaction

    @classmethod
    def check(cls, columns: Mapping[str, Any]) -> None:
        """Raise Invalid for the first value that does not fit."""
        checks = _checks(cls)
        for name, value in columns.items():
            check, may_be_null = checks[name]
            if value is not None:
                check(value)
            elif not may_be_null:
                raise Invalid("Must not be null.", field=fields.camel(name))


@cache
def _checks(model: type[Record]) -> dict[str, tuple[Callable[[Any], None], bool]]:
    """What checks the values of each column, and whether null is one of them."""
    columns = {name: model.column(name) for name in model.columns()}
    return {name: (c.check, c.null or c.generated) for name, c in columns.items()}


@cache
def _columns(model: type[Record]) -> tuple[str, ...]:
    table_models()  # until then the columns of references are missing
    return tuple(model._meta.fields_db_projection)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - Tortoise keeps it nowhere else


@cache
def _choices(model: type[Record]) -> tuple[tuple[str, Mapping[str, StrEnum]], ...]:
    """The columns that hold one of a fixed set of values, with each value's member."""
    choices = model.choice_columns()
    return tuple((name, {one.value: one for one in kind}) for name, kind in choices.items())


@cache
def _defaults(model: type[Record]) -> tuple[dict[str, Any], dict[str, Callable[[], Any]]]:
    """The defaults of its columns, and what makes those that each row has to itself."""
    fixed: dict[str, Any] = {}
    made: dict[str, Callable[[], Any]] = {}
    for name in model.columns():
        default: Any = model.column(name).default
        if callable(default):
            made[name] = default
        elif isinstance(default, dict | list):
            made[name] = cast("Any", default).copy
        else:
            fixed[name] = default
    return fixed, made


@cache
def _opaque_columns(model: type[Record]) -> tuple[str, ...]:
    columns = {name: model.column(name) for name in model.columns()}
    json = {n: c for n, c in columns.items() if isinstance(c, fields.JsonColumn)}
    return tuple(name for name, column in json.items() if column.opaque)


@cache
def _key_columns(model: type[Record]) -> tuple[str, ...]:
    indexed = {c.split()[0] for index in model.indexes for c in index.columns}
    times = {"created_at", "updated_at", "id"}
    keys = (name for name in model.columns() if name in indexed - times)
    return tuple(name for name in keys if not isinstance(model.column(name), fields.SecretColumn))
