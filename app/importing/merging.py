"""What imports that merge have in common: all or nothing, and what no row of theirs says."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it has none

from models.errors import Conflict

if TYPE_CHECKING:
    from models.base import Record


@asynccontextmanager
async def one_transaction(connection: Any, *, dry_run: bool) -> AsyncGenerator[None, None]:
    """Keep all that is written within, or nothing: also after an error, and in a dry run.

    Raises Conflict where rows were written at the same time.
    """
    transaction = connection.transaction()
    await transaction.start()
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        await transaction.rollback()
        raise Conflict("Something was written at the same time; try again.") from error
    except BaseException:
        await transaction.rollback()
        raise
    await (transaction.rollback() if dry_run else transaction.commit())


def with_defaults(
    model: type[Record], columns: Mapping[str, str]
) -> tuple[dict[str, str], list[Any]]:
    """SQL for each column of a new row, with the defaults of those that are not told, and the
    arguments that these are."""
    found, args = dict(columns), list[Any]()
    for name in model.columns():
        column: Any = model.column(name)
        if name not in found and column.default is not None:
            args.append(column.default)
            found[name] = f"${len(args)}::{str(column.SQL_TYPE).split(' COLLATE')[0]}"
    return found, args
