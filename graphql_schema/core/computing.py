"""Computed fields as declarations: values made from columns of a row, for many rows at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import strawberry

from graphql_schema.core.context import context_of
from graphql_schema.core.fields import Relation, relation_field

if TYPE_CHECKING:
    from graphql_schema.core.context import Ports
    from models.base import Record


@dataclass(slots=True)
class Computed(Relation):
    """A value made from columns of this row, for a batch of rows at once; `compute` takes the
    rows, and after them the ports where it is `with_ports`."""

    columns: tuple[str, ...]
    compute: Callable[..., Sequence[Any]]
    rows: int | None = None
    with_ports: bool = False

    def bind(self, source: type[Record], target: type[Record] | None) -> None:
        missing = set(self.columns) - set(source.columns())
        assert not missing, f"{source.__name__} has no columns {missing}"

    def values(self, rows: Sequence[Any], ports: Ports) -> Sequence[Any]:
        """The value for each row."""
        return self.compute(rows, ports) if self.with_ports else self.compute(rows)

    def field(self) -> Any:
        def resolve(root: Any, info: strawberry.Info) -> Any:
            return self.values([root], context_of(info).ports)[0]

        return relation_field(self, resolve)


def computed(
    *columns: str, description: str, rows: int | None = None
) -> Callable[[Callable[[Sequence[Any]], Sequence[Any]]], Any]:
    """A field computed from `columns` by a function of a batch of rows; a list of about `rows`."""

    def wrap(compute: Callable[[Sequence[Any]], Sequence[Any]]) -> Any:
        return Computed(description, columns, compute, rows)

    return wrap


def issued(
    *columns: str, description: str
) -> Callable[[Callable[[Sequence[Any], Ports], Sequence[Any]]], Any]:
    """A field computed from `columns` and the ports, such as a signed address."""

    def wrap(compute: Callable[[Sequence[Any], Ports], Sequence[Any]]) -> Any:
        return Computed(description, columns, compute, with_ports=True)

    return wrap
