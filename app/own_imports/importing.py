"""`punnet import own`: what a user took along, into an account; all of it, or nothing."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from app.clock import SystemClock
from app.database import connect
from app.files.store import Store
from app.importing.accounts import hold_imports, refuse_erased, user_named
from app.importing.exports import check_manifest
from app.own_exports import OwnManifest, empty_own_manifest
from app.own_imports.files import FileImport
from app.own_imports.merging import Came, choose, merge, refuse_broken
from app.own_imports.staging import Owners, Stager, stage
from app.own_imports.taken import TAKEN
from models.accounts.addresses import address_of
from models.accounts.preferences import UserPreferences
from models.accounts.users import User
from models.changes import note_import
from models.errors import Conflict, Invalid, NotFound
from models.ids import prefix_of

BOMB_SIZE, BOMB_RATIO = 64 << 20, 200
"""An entry of more bytes than this that was packed so much is no export."""

_TARGET = "CREATE TEMPORARY TABLE own_target (id text, email text) ON COMMIT DROP"
_TOLD = "INSERT INTO own_target VALUES ($1, $2)"
_TAKEN_ALREADY = """\
SELECT 1 FROM user_account WHERE id = $1 OR (email = $2 AND deleted_at IS NULL)"""


@dataclass(frozen=True, slots=True)
class Account:
    """Whose the rows will be; the `email` is that of a user who is made for them."""

    id: str
    email: str | None = None


async def import_own(url: str, store: Store, path: Path, who: str) -> Mapping[str, Came]:
    """Bring what is new in a user's export to the user `who`, an id or a proven address; returns
    what became of each table's rows.

    A user who is not here, and whose address `who` is, is made with the id that they have in the
    file. Raises Invalid for a file that is no such export, Conflict, NotFound.
    """
    connection = await connect(url)
    try:
        with ZipFile(path) as archive:
            manifest = check_manifest(archive, empty_own_manifest(""))
            _refuse_bombs(archive)
            files = FileImport(connection, archive, store)
            try:
                async with connection.transaction():
                    return await _load(connection, archive, manifest, files, who)
            except BaseException:
                await files.undo()
                raise
    except (BadZipFile, EOFError, zlib.error) as error:
        raise Invalid(f"The file is broken: {error}") from error
    finally:
        await connection.close()


def _refuse_bombs(archive: ZipFile) -> None:
    for one in archive.infolist():
        if one.file_size > max(BOMB_SIZE, one.compress_size * BOMB_RATIO):
            raise Invalid(f"The file is broken: {one.filename[:60]!r} holds too much.")


async def _load(
    connection: Any, archive: ZipFile, manifest: OwnManifest, files: FileImport, who: str
) -> Mapping[str, Came]:
    account = await _account(connection, manifest.user, who)
    await hold_imports(connection, account.id)
    await connection.execute(_TARGET)
    await connection.execute(_TOLD, account.id, account.email)
    owners = Owners(manifest.user, account.id)
    for taken in TAKEN:
        own = taken.model in {User, UserPreferences}
        stager = Stager(taken, archive, manifest, owners)
        await stage(connection, stager, taken.model, empty=own and account.email is None)
    for taken in TAKEN:
        await choose(connection, taken)
    await refuse_broken(connection)
    await files.run()
    came = {taken.model.table(): await merge(connection, taken) for taken in TAKEN}
    await refuse_erased(connection, account.id)
    if any(one.added for one in came.values()):
        note = note_import("SELECT $2::text AS owner_id")
        await connection.execute(note, SystemClock().now(), account.id)
    return came


async def _account(connection: Any, source: str, who: str) -> Account:
    """Whose the rows will be. Raises NotFound, Conflict."""
    if prefix_of(source) != User.prefix:
        raise Invalid("The file does not say whose it is.")
    try:
        return Account(await user_named(connection, who))
    except NotFound:
        if prefix_of(who) is not None:
            raise
    email = address_of(who)
    if await connection.fetchval(_TAKEN_ALREADY, source, email):
        raise Conflict(
            "Who the file is of is here already, under another address or an unproven one; "
            "name them by id."
        )
    return Account(source, email)
