"""`punnet rotate-keys`: every encrypted column, sealed anew by the key of the present secret.

Nobody needs to stop: a batch is one transaction over locked rows. What is done already is passed
over, so a run that was broken off is taken up by the next.
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

BATCH = 200  # rows in a transaction


@dataclass(slots=True)
class Rotated:
    """What became of a table: rows sealed anew, and the ids of those that could not be opened."""

    table: str
    rows: int = 0
    lost: tuple[str, ...] = ()


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
    """Print the counts. Raises SystemExit where something could not be opened."""
    for one in tables:
        typer.echo(f"{one.rows:>12,}  {one.table}")
    lost = [id for one in tables for id in one.lost]
    if lost:
        raise SystemExit(
            f"{len(lost):,} rows could not be opened, and stay as they are: {', '.join(lost[:20])}. "
            "Name the secret that sealed them in PUNNET_PREVIOUS_SECRETS, or have them set again."
        )
    typer.echo("All that is encrypted is sealed by the key of PUNNET_SECRET.")


async def _rotate(connection: Any, cipher: Cipher, model: type[Record]) -> Rotated:
    done, after = Rotated(model.table()), ""
    while True:
        async with connection.transaction():
            rows = await connection.fetch(_others(model), after, cipher.key_id, BATCH)
            for row in rows:
                await _seal_anew(connection, cipher, model, row, done)
        if not rows:
            return done
        after = rows[-1]["id"]


async def _seal_anew(
    connection: Any, cipher: Cipher, model: type[Record], row: Mapping[str, Any], done: Rotated
) -> None:
    try:
        texts = [_anew(cipher, model, name, row) for name in sealed_columns(model)]
    except BadSeal:
        done.lost = (*done.lost, row["id"])
        return
    await connection.execute(_resealed(model), row["id"], *texts)
    done.rows += 1


def _anew(cipher: Cipher, model: type[Record], name: str, row: Mapping[str, Any]) -> str | None:
    if row[name] is None:
        return None
    bound = {"owner": row["owner"], "purpose": purpose_of(model, name, row)}
    return cipher.seal(cipher.open(row[name], **bound), **bound)


def _others(model: type[Record]) -> str:
    """The next rows with something that another key than the present one sealed."""
    sealed = sealed_columns(model)
    bound = {column for name in sealed for column in bound_columns(model, name)}
    other = " OR ".join(f"split_part({name}, '.', 1) <> $2" for name in sealed)
    listed = ", ".join(("id", *sealed, *sorted(bound)))
    return (
        f"SELECT {listed}, {model.owner_sql()} AS owner FROM {model.table()} "
        f"WHERE id > $1 AND ({other}) ORDER BY id LIMIT $3 FOR NO KEY UPDATE"
    )


def _resealed(model: type[Record]) -> str:
    assigned = ", ".join(f"{name} = ${n}" for n, name in enumerate(sealed_columns(model), 2))
    return f"UPDATE {model.table()} SET {assigned} WHERE id = $1"
