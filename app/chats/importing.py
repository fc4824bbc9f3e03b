"""Import of a chat product's data export: read, place and write, a batch at a time.

All of it is committed, or none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from app.chats import chatgpt, claude
from app.chats.chat import Chat, Unfit
from app.chats.entries import BROKEN_OFF, Entry, entries, parsed
from app.chats.findings import Findings, Notes
from app.chats.placing import Names, Placing
from app.chats.tree import tree_of
from app.chats.writing import ChatWriter
from app.clock import SystemClock
from app.database import connect
from app.importing.accounts import hold_imports, refuse_erased, user_named
from app.importing.merging import one_transaction
from models.changes import note_import

BATCH_CHATS = 100
BATCH_BYTES = 4 << 20  # of the file


@dataclass(frozen=True, slots=True)
class Product:
    """Where chats come from, and how an entry of its export is read."""

    name: str
    provider: str
    read: Callable[[Entry, Notes], Chat]


CHATGPT = Product("chatgpt", chatgpt.PROVIDER, chatgpt.read_chat)
CLAUDE = Product("claude", claude.PROVIDER, claude.read_chat)


async def import_chats(
    url: str, product: Product, path: Path, who: str, *, dry_run: bool = False
) -> Findings:
    """Bring the chats of an export to the user `who`, an id or a proven address.

    Raises NotFound for no such user, Invalid for a file of another kind, Conflict where rows were
    written at the same time.
    """
    findings = Findings()
    connection = await connect(url)
    try:
        owner = await user_named(connection, who)
        async with one_transaction(connection, dry_run=dry_run):
            await hold_imports(connection, owner)
            writer = ChatWriter(connection, owner, product.name, findings)
            for batch in _batches(product, path, owner, findings):
                await writer.write(batch)
            await refuse_erased(connection, owner)
            if writer.wrote:
                note = note_import("SELECT $2::text AS owner_id")
                await connection.execute(note, SystemClock().now(), owner)
    finally:
        await connection.close()
    return findings


def _batches(
    product: Product, path: Path, owner: str, findings: Findings
) -> Iterator[list[Placing]]:
    """The chats of a file, so many at a time that memory holds them; none is twice in a batch."""
    names = Names(product.name, product.provider, owner)
    batch: dict[str, Placing] = {}
    weight = 0
    for number, entry in entries(path):
        placing = _read(product, names, entry, Notes(findings, f"conversation {number:,}"))
        if placing is None:
            continue
        if len(batch) == BATCH_CHATS or weight >= BATCH_BYTES or placing.id in batch:
            yield [*batch.values()]
            batch, weight = {}, 0
        batch[placing.id] = placing
        weight += len(entry) if isinstance(entry, bytes) else 0
    if batch:
        yield [*batch.values()]


def _read(product: Product, names: Names, entry: bytes | Unfit, notes: Notes) -> Placing | None:
    """The chat of an entry; None for one that can't be taken, or says nothing."""
    try:
        if isinstance(entry, Unfit):
            raise entry
        fields, mended = parsed(entry)
        chat = product.read(fields, notes)
    except Unfit as unfit:
        told = BROKEN_OFF if str(unfit) == BROKEN_OFF else f"conversation left out: {unfit}"
        notes.flaw(told)
        return None
    notes.findings.count("conversations read")
    notes = notes.of(chat.key)
    if mended:
        notes.flaw("characters that can't be kept: replaced")
    tree = tree_of(chat, notes)
    if not tree.placed:
        notes.findings.count("conversations without messages: left out")
        return None
    return Placing(chat, tree, names, notes)
