"""The bytes of a snapshot's files: looked at as uploads are, and kept where those are.

They are kept before rows tell of them, so that nothing is locked meanwhile. A file's key follows
from its id and a secret: what a broken-off import left behind is where the next one writes.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import io
from typing import IO, TYPE_CHECKING, Any

from app.files.inspecting import keep_file
from app.files.media import check_type
from models.errors import Invalid
from models.files.media_types import ALLOWED, MOST_BYTES
from models.storing import Accepted, Announced

if TYPE_CHECKING:
    from app.convex.report import Report
    from app.convex.snapshot import Progress, Snapshot
    from app.files.store import Store

BATCH = 100

_WANTED = """\
CREATE TEMPORARY TABLE wanted_file AS
SELECT DISTINCT ON (n.storage_id) n.storage_id, n.chat_id, n.file_type, n.file_name FROM (
    SELECT storage_id, chat_id, file_type, file_name, doc_at, doc_id FROM staged_chat_attachments
    UNION ALL
    SELECT it ->> 'storageId', m.chat_id, it ->> 'type', it ->> 'name', m.doc_at, m.doc_id
    FROM staged_messages m, jsonb_array_elements(m.attachments::jsonb) it
    WHERE m.attachments IS NOT NULL
) n JOIN staged_chats c ON c.doc_id = n.chat_id
WHERE n.storage_id IS NOT NULL ORDER BY n.storage_id, n.doc_at, n.doc_id"""

_KEPT = """\
CREATE TEMPORARY TABLE kept_file (
    doc_id text COLLATE "C" PRIMARY KEY, id text, storage_key text, content_type text, size bigint,
    sha256 text, width bigint, height bigint, has_thumbnail boolean
)"""

_NEXT = f"""\
SELECT w.storage_id, f.id, coalesce(f.content_type, w.file_type, '') AS content_type
FROM wanted_file w LEFT JOIN staged__storage f ON f.doc_id = w.storage_id
WHERE w.storage_id > $1 AND NOT EXISTS (SELECT FROM import_mark m WHERE m.row_id = f.id)
ORDER BY w.storage_id LIMIT {BATCH}"""

_TOLD = "SELECT storage_key FROM stored_file WHERE storage_key = ANY($1)"


class NotTaken(Exception):
    """A file that is left out; says why."""


class Nowhere:
    """Keeps nothing, for a dry run."""

    def keep(self, name: str, file: IO[bytes] | bytes) -> None:
        """Let it go."""


class Keeper:
    """Keeps files in the storage, under keys made with `secret`."""

    def __init__(self, store: Store, secret: bytes) -> None:
        self._store = store
        self._secret = secret
        self._keys: list[str] = []

    async def keep(
        self, connection: Any, snapshot: Snapshot, report: Report, progress: Progress, *, dry: bool
    ) -> None:
        """Keep the files that attachments refer to and that no import brought before."""
        store = Nowhere() if dry else self._store
        await connection.execute(_WANTED)
        await connection.execute(_KEPT)
        last = ""
        while rows := await connection.fetch(_NEXT, last):
            kept: list[tuple[Any, ...]] = []
            for row in rows:
                try:
                    file = self._read(snapshot, row)
                    progress(file.getbuffer().nbytes)
                    kept.append(await asyncio.to_thread(self._kept, store, file, row))
                except NotTaken as error:
                    report.flaw("_storage", f"file left out: {error}")
            await connection.copy_records_to_table("kept_file", records=kept)
            last = rows[-1]["storage_id"]

    async def forget(self, connection: Any) -> None:
        """Remove what was kept and no row tells of."""
        if connection.is_closed():
            return  # and who knows what was committed; another run writes to the same names
        rows = await connection.fetch(_TOLD, self._keys)
        for key in {*self._keys} - {row["storage_key"] for row in rows}:
            await self._store.remove_folder(key)

    def _read(self, snapshot: Snapshot, row: Any) -> io.BytesIO:
        """The bytes of a file. Raises NotTaken for one that can't be."""
        found = snapshot.file(row["storage_id"], MOST_BYTES + 1)
        if found is None or row["id"] is None:
            raise NotTaken("not in the snapshot")
        if len(found) > MOST_BYTES:
            raise NotTaken("too large")
        if not found or _type_of(row) not in ALLOWED:
            raise NotTaken("of a type that is not taken")
        return io.BytesIO(found)

    def _kept(self, store: Store | Nowhere, file: io.BytesIO, row: Any) -> tuple[Any, ...]:
        """Keep a file; returns its row of `kept_file`. Raises NotTaken for what it is not."""
        key, kind = self._key(row["id"]), _type_of(row)
        self._keys.append(key)
        data = file.getbuffer()
        announced = Announced(key, kind, data.nbytes, None, avatar=False)
        try:
            check_type(file, kind)
            found = keep_file(store, announced, file, hashlib.sha256(data).hexdigest())
        except Invalid as error:
            raise NotTaken("not what it is said to be") from error
        return (row["storage_id"], row["id"], key, *_columns(found))

    def _key(self, id: str) -> str:
        drawn = hmac.digest(self._secret, id.encode(), "sha256").hex()[:40]
        return f"{drawn[:2]}/{drawn[2:]}"


def _type_of(row: Any) -> str:
    """The media type without its parameters."""
    return row["content_type"].partition(";")[0].strip().lower()


def _columns(found: Accepted) -> tuple[Any, ...]:
    """What is kept of a file, in the order of `kept_file`."""
    about = (found.content_type, found.size, found.sha256)
    return (*about, found.width, found.height, found.thumbnail)
