"""Loaders: one generic set per operation, each batching one query over all its parents."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aiodataloader import DataLoader

from models.reading import Listing, Lookup

if TYPE_CHECKING:
    from models.base import Record
    from models.ports import Database
    from models.viewer import Viewer


class Loader(DataLoader[str, Any]):
    """Forgets a key whose only waiter was cancelled, which would poison it for the next."""

    def load(self, key: str) -> asyncio.Future[Any]:
        future = super().load(key)
        if future.cancelled():
            self.clear(key)
            future = super().load(key)
        return future


class Rows(Loader):
    """Loads the one row of each key, or None."""

    def __init__(self, database: Database, viewer: Viewer, query: Lookup) -> None:
        super().__init__()
        self._database = database
        self._viewer = viewer
        self._query = query

    async def batch_load_fn(self, keys: Sequence[str]) -> list[Record | None]:
        query = self._query
        sql, args = query.statement(self._viewer, keys)
        rows = await self._database.fetch(sql, *args)
        found = {query.key_of(row): query.model.from_row(row) for row in rows}
        return [found.get(key) for key in keys]


class Lists(Loader):
    """Loads the rows of each parent, in their order."""

    def __init__(self, database: Database, viewer: Viewer, query: Listing) -> None:
        super().__init__()
        self._database = database
        self._viewer = viewer
        self._query = query

    async def batch_load_fn(self, keys: Sequence[str]) -> list[list[Record]]:
        query = self._query
        sql, args = query.statement(self._viewer, keys)
        found: dict[str, list[Record]] = {key: [] for key in keys}
        for row in await self._database.fetch(sql, *args):
            found[query.key_of(row)].append(query.model.from_row(row))
        return [found[key] for key in keys]


class Loaders:
    """The loaders of one operation, made as they are asked for."""

    def __init__(self, database: Database, viewer: Viewer) -> None:
        self._database = database
        self._viewer = viewer
        self._loaders: dict[Lookup | Listing, Loader] = {}

    async def row(self, query: Lookup, key: str | None) -> Record | None:
        """The row of a key that the viewer reaches, None for none and for a null key."""
        return None if key is None else await self._of(query, Rows).load(key)

    async def rows(self, query: Listing, key: str) -> list[Record]:
        """The rows of a parent that the viewer reaches."""
        return await self._of(query, Lists).load(key)

    def _of(self, query: Any, kind: type[Any]) -> Loader:
        if query not in self._loaders:
            self._loaders[query] = kind(self._database, self._viewer, query)
        return self._loaders[query]
