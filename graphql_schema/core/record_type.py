"""`@record_type(models.Message)`: a GraphQL type from a table and bare annotations."""

from __future__ import annotations

from collections.abc import Callable
from inspect import cleandoc
from typing import Any, TypeVar, cast

import strawberry
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from graphql_schema.core.computing import Computed
from graphql_schema.core.fields import Relation
from models.base import Record
from models.fields import SecretColumn
from models.packages import table_models, walk

TypeT = TypeVar("TypeT", bound=type)

TYPES: dict[str, type] = {}
"""Every record type by its name, for annotations that name one of another module."""
MODELS: dict[type, type[Record]] = {}
"""The table of each record type."""


def record_type(
    model: type[Record], *, shared: bool = False, name: str | None = None
) -> Callable[[TypeT], TypeT]:
    """Make a type whose instances are rows of `model`.

    An annotation without a value is a column and takes its description from there. `shared` is
    for a second type over the same table, whose fields decide by value, not by class.
    """

    table_models()  # else the columns of references are not there yet

    def wrap(cls: TypeT) -> TypeT:
        for field in cls.__annotations__:
            declared = cls.__dict__.get(field)
            if isinstance(declared, Relation):
                setattr(cls, field, declared.field())
            elif declared is None:
                column = model.column(field)
                assert not isinstance(column, SecretColumn), f"{field} is for nobody to read"
                setattr(cls, field, strawberry.field(description=column.description))
        if not shared:
            cls.is_type_of = classmethod(lambda _cls, row, _info: isinstance(row, model))  # type: ignore[attr-defined]
        made = strawberry.type(cls, name=name, description=cleandoc(model.__doc__ or ""))
        TYPES[cls.__name__] = made
        MODELS[made] = model
        return made

    return wrap


def bind_all() -> None:
    """Import every module of the schema, and give each relation its tables.

    Modules name each other's types under TYPE_CHECKING, since those refer to one another in
    circles; here the names become real, before Strawberry evaluates an annotation.
    """
    for module in walk("graphql_schema"):
        for name, made in TYPES.items():
            vars(module).setdefault(name, made)
    for made in list(MODELS):
        for field in definition_of(made).fields:
            _bind(made, field)


def definition_of(made: type) -> StrawberryObjectDefinition:
    """Strawberry's definition of a type."""
    return cast("Any", made).__strawberry_definition__


def _bind(made: type, field: StrawberryField) -> None:
    relation = field.metadata.get("relation")
    if isinstance(relation, Computed):
        relation.bind(MODELS[made], None)
    elif isinstance(relation, Relation):
        relation.bind(MODELS[made], MODELS[_target(field)])


def _target(field: StrawberryField) -> type:
    kind: Any = field.type
    while True:
        if hasattr(kind, "of_type"):
            kind = kind.of_type
        elif hasattr(kind, "__strawberry_definition__"):
            of = kind.__strawberry_definition__.type_var_map
            if "NodeT" not in of:
                return kind
            kind = of["NodeT"]
        else:
            raise TypeError(f"{field.python_name} leads to no record type")
