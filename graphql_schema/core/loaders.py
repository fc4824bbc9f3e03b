"""Loaders: one generic set per operation, each batching one query over all its parents."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aiodataloader import DataLoader

from models.reading import Listing, Lookup

if TYPE_CHECKING:
    from models.base import Record
    from models.ports import Database
    from models.viewer import Viewer


class Rows(DataLoader[str, Any]):
    """Loads the one row of each key, or None."""

    def __init__(self, loaders: Loaders, query: Lookup) -> None:
        super().__init__()
        self._loaders = loaders
        self._query = query

    async def batch_load_fn(self, keys: Sequence[str]) -> list[Record | None]:
        query = self._query
        rows = await self._loaders.fetch(query, keys)
        found = {query.key_of(row): query.model.from_shown_row(row) for row in rows}
        return [found.get(key) for key in keys]


class Lists(DataLoader[str, Any]):
    """Loads the rows of each parent, in their order."""

    def __init__(self, loaders: Loaders, query: Listing) -> None:
        super().__init__()
        self._loaders = loaders
        self._query = query

    async def batch_load_fn(self, keys: Sequence[str]) -> list[list[Record]]:
        query = self._query
        found: dict[str, list[Record]] = {key: [] for key in keys}
        for row in await self._loaders.fetch(query, keys):
            found[query.key_of(row)].append(query.model.from_shown_row(row))
        return [found[key] for key in keys]


class Loaders:
    """The loaders of one operation, made as they are asked for.

    Those who wait for a key share one future, so each waits behind a shield: who is cancelled, as
    the siblings of a failed field are, takes the row from nobody else. A batch is a task that
    nobody's cancellation reaches; `close` ends those that still run.
    """

    def __init__(self, database: Database, viewer: Viewer) -> None:
        self._database = database
        self._viewer = viewer
        self._loaders: dict[Lookup | Listing, DataLoader[str, Any]] = {}
        self._batches: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def row(self, query: Lookup, key: str | None) -> Record | None:
        """The row of a key that the viewer reaches, None for none and for a null key."""
        return None if key is None else await _shared(self._of(query, Rows).load(key))

    async def rows(self, query: Listing, key: str | None) -> list[Record]:
        """The rows of a parent that the viewer reaches, none for a null key."""
        return [] if key is None else await _shared(self._of(query, Lists).load(key))

    async def fetch(
        self, query: Lookup | Listing, keys: Sequence[str]
    ) -> Sequence[Mapping[str, Any]]:
        """Run one batch, as long as the operation lasts."""
        batch = asyncio.current_task()
        if self._closed or batch is None:
            raise asyncio.CancelledError
        self._batches.add(batch)
        try:
            sql, args = query.statement(self._viewer, keys)
            return await self._database.fetch(sql, *args)
        finally:
            self._batches.discard(batch)

    def close(self) -> None:
        """Stop the statements of an operation that is over, and run no more."""
        self._closed = True
        for batch in self._batches:
            batch.cancel()

    def _of(self, query: Any, kind: type[Any]) -> DataLoader[str, Any]:
        if query not in self._loaders:
            self._loaders[query] = kind(self, query)
        return self._loaders[query]


def _shared(loading: asyncio.Future[Any]) -> asyncio.Future[Any]:
    """Shield what others wait for too. Its error counts as seen, should all of them be gone."""
    loading.add_done_callback(lambda done: done.cancelled() or done.exception())
    return asyncio.shield(loading)
