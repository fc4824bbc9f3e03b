"""A transaction: its rows, each held once, and the notes of what changed."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from models import changes, ids, statements
from models.errors import Forbidden, NotFound
from models.viewer import REFUSAL

if TYPE_CHECKING:
    from models.base import Record
    from models.permissions import Permission
    from models.ports import Connection
    from models.verbs import Actor

RowT = TypeVar("RowT", bound="Record")

MOST_NOTED = 200
"""Rows below another that are noted one by one when they change together."""


class Transaction:
    """One try of a verb. Everything in it commits together or not at all.

    `now` is the time that all its rows are stamped with. Once it is `over`, committed or not, its
    rows do not change any more. `need` is the permission that its verb needs, `notes` what it did.
    """

    def __init__(
        self, connection: Connection, actor: Actor, verb: str, need: Permission | None
    ) -> None:
        self.connection = connection
        self.actor = actor
        self.verb = verb
        self.need = need
        self.now: datetime = actor.clock.now()
        self.over = False
        self._rows: dict[str, Record] = {}
        self.notes = changes.Notes()

    # -- rights ----------------------------------------------------------------------------

    @contextmanager
    def needing(self, need: Permission | None) -> Generator[None, None, None]:
        """Run a verb inside this one by its own need."""
        outer, self.need = self.need, need
        try:
            yield
        finally:
            self.need = outer

    def require(self, owner: str, *, field: str | None = None) -> None:
        """The viewer holds on `owner` what the verb needs. Raises Forbidden or NotFound."""
        self.actor.viewer.require(self._needed, owner, field=field)

    @property
    def _needed(self) -> Permission:
        if self.need is None:
            raise RuntimeError("a verb that asks for no right reaches nothing")
        return self.need

    # -- reading ---------------------------------------------------------------------------

    async def reach(self, model: type[RowT], id: str, *, field: str | None = None) -> RowT:
        """Lock and return a row on which the viewer holds what the verb needs.

        Raises Forbidden for a row that the viewer may only read, NotFound for any other.
        """
        sql, args = statements.reach(model, id, self.actor.viewer, self._needed)
        row = await self.connection.fetchrow(sql, *args)
        if row is None:
            raise await self._refusal(model, id, field)
        return self.hold(model, row, locked=True)

    async def _refusal(self, model: type[Record], id: str, field: str | None) -> Exception:
        sql, args = statements.readable(model, id, self.actor.viewer)
        if await self.connection.fetchval(sql, *args):
            return Forbidden(REFUSAL, field=field)
        return NotFound("There is no such thing, or it is not yours.", field=field)

    async def lock(self, model: type[RowT], id: str) -> RowT | None:
        """Lock and return a row that a reached row points to; the rule is not asked again."""
        found = await self.find(model, "id = $1", id, lock=True)
        return found[0] if found else None

    async def find(
        self, model: type[RowT], where: str, *args: Any, lock: bool = False
    ) -> list[RowT]:
        """The rows that meet `where`, which may end in ORDER BY and LIMIT."""
        sql = statements.select(model, where, lock=lock)
        rows = await self.connection.fetch(sql, *args)
        return [self.hold(model, row, locked=lock) for row in rows]

    async def first(
        self, model: type[RowT], where: str, *args: Any, lock: bool = False
    ) -> RowT | None:
        """The first row that meets `where`, or None."""
        found = await self.find(model, f"{where} LIMIT 1", *args, lock=lock)
        return found[0] if found else None

    # -- writing ---------------------------------------------------------------------------

    async def add(self, row: RowT) -> RowT:
        """Insert a row: gives it an id and its times, checks it, notes it."""
        await self.add_many([row])
        return row

    async def add_many(self, rows: Sequence[Record]) -> None:
        """Insert rows, those of one table side by side, in one statement."""
        if not rows:
            return
        for row in rows:
            self._stamp(row)
        values = [value for row in rows for value in row.values()]
        await self.connection.execute(statements.inserting(rows), *values)
        for row in rows:
            row.transaction, row.locked = self, True
            self._rows[row.id] = row
            self.notes.add(changes.added(row))

    async def change(self, row: RowT, columns: Mapping[str, Any]) -> RowT:
        """Write the columns of a row that differ; locks and refreshes it first if need be."""
        if not row.locked:
            await self.lock(type(row), row.id)
        differing = {n: v for n, v in columns.items() if getattr(row, n) != v}
        if not differing:
            return row
        row.check(differing)
        if not row.unstamped.issuperset(differing):
            differing["updated_at"] = self.now
        sql = statements.update(type(row), tuple(differing))
        await self.connection.execute(sql, row.id, *differing.values())
        self._changed(row, differing)
        return row

    async def change_many(
        self, model: type[RowT], where: str, *args: Any, **columns: Any
    ) -> list[RowT]:
        """Write the same columns of every row that meets `where`; locks them in id order."""
        rows = await self.find(model, f"{where} ORDER BY id", *args, lock=True)
        return await self._change_all(model, rows, columns)

    async def change_below(
        self, whole: Record, model: type[Record], where: str, *args: Any, **columns: Any
    ) -> None:
        """The same for rows below a locked row, however many there are.

        More than MOST_NOTED are changed unread, and noted on the whole. In `where` they are `t`.
        """
        some = f"SELECT t.id FROM {model.table()} t WHERE {where} LIMIT {MOST_NOTED + 1}"
        rows = await self.find(model, f"id = ANY (ARRAY({some})) ORDER BY id", *args, lock=True)
        if len(rows) <= MOST_NOTED:
            await self._change_all(model, rows, columns)
            return
        model.check(columns)
        sql, written = statements.update_where(model, where, args, columns, self.now)
        await self.connection.execute(sql, *written)
        await self._read_again(model)
        self.notes.add(changes.crowded(whole, model))

    async def _change_all(
        self, model: type[RowT], rows: Sequence[RowT], columns: Mapping[str, Any]
    ) -> list[RowT]:
        model.check(columns)
        rows = [row for row in rows if any(getattr(row, n) != v for n, v in columns.items())]
        if rows:
            written = {**columns, "updated_at": self.now}
            sql = statements.update_many(model, tuple(written))
            await self.connection.execute(sql, [row.id for row in rows], *written.values())
            for row in rows:
                self._changed(row, {n: v for n, v in written.items() if getattr(row, n) != v})
        return list(rows)

    async def count_up(
        self, row: Record, column: str, by: int = 1, *, floor: int | None = None
    ) -> int | None:
        """Add `by` to a counter in one guarded UPDATE and return the new value.

        None, and nothing written, when the result would be under `floor`.
        """
        sql = statements.count_up(type(row), column)
        value: int | None = await self.connection.fetchval(sql, row.id, by, floor, self.now)
        if value is not None:
            self._changed(row, {column: value, "updated_at": self.now})
        return value

    async def hand_over(self, model: type[Record], where: str, root_id: str, owner: str) -> None:
        """Give the rows that meet `where` to another owner, which only the root's note tells."""
        await self.connection.execute(statements.hand_over(model, where), root_id, owner)

    async def remove(self, row: Record) -> None:
        """Delete a row."""
        await self.connection.execute(f"DELETE FROM {row.table()} WHERE id = $1", row.id)
        self._rows.pop(row.id, None)
        self.notes.add(changes.removed(row))

    async def remove_many(self, model: type[Record], where: str, *args: Any) -> int:
        """Delete the rows that meet `where`, which may end in ORDER BY and LIMIT; count them."""
        sql = statements.delete(model, where)
        rows = [model.from_row(row) for row in await self.connection.fetch(sql, *args)]
        for row in rows:
            self.notes.add(changes.removed(row))
        return len(rows)

    # -- the end ---------------------------------------------------------------------------

    async def log(self) -> bool:
        """Write the notes to the event log, one row per owner; the transaction's last statement."""
        owners = self.notes.by_owner()
        if owners:
            viewer = self.actor.viewer.user_id
            await self.connection.execute(
                statements.LOG, owners, viewer, self.verb, self.actor.request_id, self.now
            )
        return bool(owners)

    def _stamp(self, row: Record) -> None:
        row.id = row.id or ids.new_id(row.prefix)
        row.created_at = row.updated_at = self.now
        own = vars(row)
        row.check({name: own[name] for name in row.columns()})

    def _changed(self, row: Record, written: Mapping[str, Any]) -> None:
        """Take over what was written of a row, and note it."""
        old, owner = row.index_keys(), row.owner
        vars(row).update(written)
        self.notes.add(changes.changed(row, written, old, owner))

    async def _read_again(self, model: type[Record]) -> None:
        """Have the held rows of a table be as a statement left them."""
        held = {id: row for id, row in self._rows.items() if type(row) is model}
        for row in held.values():
            row.locked = False
        await self.find(model, "id = ANY($1) ORDER BY id", list(held), lock=True)

    def hold(self, model: type[RowT], row: Mapping[str, Any], *, locked: bool) -> RowT:
        """The one instance of a row that a statement has read."""
        known = self._rows.get(row["id"])
        if known is not None and (known.locked or not locked):
            return known  # type: ignore[return-value]  # an id names one model
        fresh = model.from_row(row)
        known = self._rows.setdefault(fresh.id, fresh)
        vars(known).update(vars(fresh))
        known.transaction, known.locked = self, locked
        return known  # type: ignore[return-value]
