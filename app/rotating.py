"""`punnet rotate-keys`: every encrypted column, sealed anew by the key of the present secret.

Nobody needs to stop: no row stays locked, and one that somebody changed meanwhile is left alone.
What is done already is passed over, so a run that was broken off is taken up by the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import typer

from app.cipher import BadSeal, Cipher
from app.config import Settings
from app.database import connect
from models.base import Record
from models.packages import record_models
from models.sealing import bound_columns, purpose_of, sealed_columns

BATCH = 200  # rows that are read at once
SHOWN = 20  # ids that are printed


@dataclass(frozen=True, slots=True)
class Rotated:
    """What became of a table: how many rows were sealed anew, how many are still sealed by another
    key, and the ids of those among them that could not be opened."""

    table: str
    rows: int
    left: int
    lost: tuple[str, ...]


async def rotate(settings: Settings, url: str) -> list[Rotated]:
    """Seal anew what another key sealed, in every table. Raises BadConfiguration."""
    cipher = Cipher.of(settings)
    connection = await connect(url)
    try:
        models = sorted(record_models(), key=lambda model: model.table())
        return [await _rotate(connection, cipher, one) for one in models if sealed_columns(one)]
    finally:
        await connection.close()


def show_rotated(tables: list[Rotated]) -> None:
    """Print the counts. Raises SystemExit where something is still sealed by another key."""
    for one in tables:
        typer.echo(f"{one.rows:>12,}  {one.table}")
    left, lost = sum(one.left for one in tables), [id for one in tables for id in one.lost]
    if lost:
        raise SystemExit(
            f"{len(lost):,} rows can't be opened: {', '.join(lost[:SHOWN])}. Name the secret that "
            "sealed them in PUNNET_PREVIOUS_SECRETS, or have them set again."
        )
    if left:
        raise SystemExit(f"{left:,} rows were sealed by another key meanwhile; run it again.")
    typer.echo("All that is encrypted is sealed by the key of the present secret.")


async def _rotate(connection: Any, cipher: Cipher, model: type[Record]) -> Rotated:
    rows, lost, after = 0, list[str](), ""
    while batch := await connection.fetch(_next(model), cipher.key_id, after, BATCH):
        for row in batch:
            try:
                rows += await _seal_anew(connection, cipher, model, row)
            except BadSeal:
                lost.append(row["id"])
        after = batch[-1]["id"]
    left = f"SELECT count(*) FROM {model.table()} WHERE {_by_another_key(model)}"
    count = await connection.fetchval(left, cipher.key_id)
    return Rotated(model.table(), rows, count, tuple(lost))


async def _seal_anew(
    connection: Any, cipher: Cipher, model: type[Record], row: Mapping[str, Any]
) -> int:
    """Seal a row's columns anew, unless one of them changed meanwhile; how many rows that were."""
    columns = sealed_columns(model)
    texts = [_anew(cipher, model, name, row) for name in columns]
    before = [row[name] for name in columns]
    tag: str = await connection.execute(_resealed(model), row["id"], *texts, *before)
    return int(tag.rpartition(" ")[2])


def _anew(cipher: Cipher, model: type[Record], name: str, row: Mapping[str, Any]) -> str | None:
    if row[name] is None:
        return None
    bound = {"owner": row["owner"], "purpose": purpose_of(model, name, row)}
    return cipher.seal(cipher.open(row[name], **bound), **bound)


def _next(model: type[Record]) -> str:
    """The next rows of which another key than the present one sealed something."""
    sealed = sealed_columns(model)
    bound = {column for name in sealed for column in bound_columns(model, name)}
    listed = ", ".join(("id", *sealed, *sorted(bound)))
    return (
        f"SELECT {listed}, {model.owner_sql()} AS owner FROM {model.table()} "
        f"WHERE ({_by_another_key(model)}) AND id > $2 ORDER BY id LIMIT $3"
    )


def _by_another_key(model: type[Record]) -> str:
    return " OR ".join(f"split_part({name}, '.', 1) <> $1" for name in sealed_columns(model))


def _resealed(model: type[Record]) -> str:
    columns = sealed_columns(model)
    assigned = ", ".join(f"{name} = ${n}" for n, name in enumerate(columns, 2))
    same = (f"{name} IS NOT DISTINCT FROM ${n}" for n, name in enumerate(columns, 2 + len(columns)))
    return f"UPDATE {model.table()} SET {assigned} WHERE id = $1 AND {' AND '.join(same)}"
