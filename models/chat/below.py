"""What is below a project or a conversation: the tables whose access rules lead to it.

So a new table is among them by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from models.access import PartOf, Within
from models.packages import record_models

if TYPE_CHECKING:
    from models.base import Record
    from models.transaction import Transaction

MOST_COUNTED = 1_000_000
"""Rows of one table that are counted, at most."""


@cache
def parts_of(root: type[Record]) -> tuple[tuple[type[Record], str], ...]:
    """The tables of what is below a root $1 and has no rule of its own, each with a condition.

    Wholes come first: whoever adds a part has locked the whole, and is waited for.
    """
    start = ((root, "id = $1"), *_inside(root))
    found = [part for whole in start for part in _below(*whole)]
    return tuple(sorted(found, key=lambda part: next(_below(*part), None) is None))


async def count_below(tx: Transaction, root: type[Record], root_id: str) -> int:
    """How many rows there are below a root."""
    total = 0
    for model, where in (*_inside(root), *parts_of(root)):
        rows = f"SELECT 1 FROM {model.table()} WHERE {where} LIMIT {MOST_COUNTED}"
        count = f"SELECT count(*) FROM ({rows}) counted"
        total += await tx.connection.fetchval(count, root_id)
    return total


def _inside(container: type[Record]) -> Iterator[tuple[type[Record], str]]:
    """The tables of roots that may lie inside this one."""
    for model in record_models():
        rule = model.access
        if isinstance(rule, Within) and model.referenced(rule.container) is container:
            yield model, f"{rule.container}_id = $1"


def _below(whole: type[Record], where: str) -> Iterator[tuple[type[Record], str]]:
    for model in record_models():
        rule = model.access
        if isinstance(rule, PartOf) and model.referenced(rule.whole) is whole:
            # The whole of a part is a column away, so a root's id needs no look at the root.
            chosen = f"= ANY (ARRAY(SELECT id FROM {whole.table()} WHERE {where}))"
            mine = f"{rule.whole}_id " + ("= $1" if where == "id = $1" else chosen)
            yield model, mine
            yield from _below(model, mine)
