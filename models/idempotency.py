"""Idempotency keys: a mutation repeated with its key gives the first one's result.

The key's row is the verb's first statement, so parallel retries wait on it; a failed verb rolls
it back with everything else.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from inspect import get_annotations
from typing import TYPE_CHECKING, Any

import orjson
from tortoise import Model

from models import fields, ids
from models.base import Record
from models.errors import Conflict, NotFound
from models.indexes import index, unique
from models.packages import model_of
from models.reading import Lookup
from models.standing import viewer_now

if TYPE_CHECKING:
    from models.transaction import Transaction
    from models.viewer import Viewer

KEPT = timedelta(hours=24)
Ids = str | list[str] | None
"""What is kept of a result, which is a row, several or none."""

_CLAIM = """\
INSERT INTO idempotency_key (viewer_id, mutation, key, hash, expires_at)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT (viewer_id, mutation, key) DO NOTHING
RETURNING true"""
_EARLIER = """\
SELECT hash, results FROM idempotency_key WHERE viewer_id = $1 AND mutation = $2 AND key = $3"""
_RESULTS = """\
UPDATE idempotency_key SET results = $4 WHERE viewer_id = $1 AND mutation = $2 AND key = $3"""


class IdempotencyKey(Model):
    """A key that a viewer gave with a mutation, and what that mutation made; kept 24 hours."""

    row_id: int = fields.fields.BigIntField(primary_key=True, generated=True)
    viewer_id: str = fields.key("Who gave it; the address for those without a user.")
    mutation: str = fields.key("The mutation it was given with.")
    key: str = fields.key("The key itself.")
    hash: str = fields.key("SHA-256 of the payload without the key.")
    results: Any = fields.json("The ids of the results by name.", null=True)
    expires_at: datetime = fields.moment("When it is forgotten.")

    indexes = (unique("viewer_id", "mutation", "key"), index("expires_at"))

    class Meta:
        table = "idempotency_key"


@dataclass(frozen=True, slots=True)
class Once:
    """A mutation that is to happen once. `hash` covers everything else in the payload."""

    mutation: str
    key: str
    hash: str


def once(mutation: str, key: str, payload: Any, sign: Callable[[bytes], str]) -> Once:
    """The key of one mutation with its JSON-able payload.

    Payloads may hold secrets; since `sign` has a key, nobody finds them by hashing guesses.
    """
    body = orjson.dumps(payload, option=orjson.OPT_SORT_KEYS)
    signed = sign(hashlib.sha256(body).digest())
    return Once(mutation, key, hashlib.sha256(signed.encode()).hexdigest())


async def begin(tx: Transaction, once: Once, function: Callable[..., Any]) -> Any:
    """Claim the key, or return what the first call made.

    Raises Conflict when the key was used with another payload, NotFound when the result is gone.
    """
    viewer = tx.actor.viewer.id
    expires = tx.now + KEPT
    args = (viewer, once.mutation, once.key)
    if await tx.connection.fetchval(_CLAIM, *args, once.hash, expires):
        return None
    earlier = await tx.connection.fetchrow(_EARLIER, *args)
    if earlier is None:
        raise Conflict("The idempotency key is just expiring; try again.", retry_after=1)
    if earlier["hash"] != once.hash:
        raise Conflict("This key was used with other input.", field="idempotencyKey")
    return await _results(tx, earlier["results"], function)


async def finish(tx: Transaction, once: Once, result: Any) -> None:
    """Keep the ids of what was made."""
    viewer = tx.actor.viewer.id
    await tx.connection.execute(_RESULTS, viewer, once.mutation, once.key, _ids(result))


def _ids(result: Any) -> dict[str, Ids]:
    if isinstance(result, Record):
        return {"": result.id}
    rows = {f.name: getattr(result, f.name) for f in dataclasses.fields(result)}
    return {name: _ids_of(row) for name, row in rows.items()}


def _ids_of(made: Record | Sequence[Record] | None) -> Ids:
    if made is None or isinstance(made, Record):
        return None if made is None else made.id
    return [row.id for row in made]


async def _results(tx: Transaction, found: dict[str, Ids], function: Any) -> Any:
    # By the rights of this moment: what the first call made may be what gave some.
    viewer = await viewer_now(tx)
    rows = {name: await _rows(tx, viewer, ids) for name, ids in found.items()}
    if "" in rows:
        return rows[""]
    # By name: what the arguments are annotated with is not there at run time.
    kind = function.__globals__[get_annotations(function)["return"]]
    return kind(**rows)


async def _rows(tx: Transaction, viewer: Viewer, ids: Ids) -> Any:
    if isinstance(ids, list):
        return [await _row(tx, viewer, id) for id in ids]
    return None if ids is None else await _row(tx, viewer, ids)


async def _row(tx: Transaction, viewer: Viewer, id: str) -> Record:
    model = model_of(ids.prefix_of(id) or "")
    if model is not None:
        sql, args = Lookup(model).statement(viewer, [id])
        row = await tx.connection.fetchrow(sql, *args)
        if row is not None:
            return model.from_shown_row(row)
    raise NotFound("What this key made is gone.", field="idempotencyKey")
