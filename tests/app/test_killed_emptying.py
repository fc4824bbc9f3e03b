"""kill -9 of a worker that empties a deletion: another goes on; files go with their last row."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession

from app.upkeep import DELETION_BATCHES
from models.chat.deletion import BATCH
from tests.harness.api import Api
from tests.harness.eventually import eventually
from tests.harness.fleet import Fleet
from tests.harness.nursery import nursery
from tests.harness.processes import ask
from tests.harness.uploading import send

# One worker can't remove them all before it rests.
MESSAGES = BATCH * DELETION_BATCHES + 1_000
ADD = f"""\
INSERT INTO message (id, created_at, updated_at, owner_id, conversation_id, role, type, status,
    content, order_id, branch_index, selected, on_branch, content_epoch)
SELECT 'msg_' || lpad(n::text, 26, '0'), now(), now(), owner_id, id, 'USER', 'RESULT', 'COMPLETE',
    'x', 10 + n, 10 + n, false, false, 0
FROM conversation, generate_series(1, {MESSAGES}) n"""
LEFT = """\
SELECT count(DISTINCT m.id) + count(DISTINCT a.id) + count(DISTINCT g.id)
    - (SELECT total_rows - removed_rows FROM deletion_job)
FROM message m LEFT JOIN attachment a ON a.message_id = m.id
LEFT JOIN generation g ON g.message_id = m.id WHERE m.conversation_id = """
START = "{ conversation { id } message { id } }"
DELETIONS = "{ deletions { nodes { id state removedRows totalRows } } }"


@pytest.fixture
async def fleet(database: str, tmp_path: Path) -> AsyncIterator[Fleet]:
    async with nursery(tmp_path) as made, ClientSession() as session:
        yield Fleet(made, database, session, {"data_dir": tmp_path / "data"})


async def test_a_killed_worker_loses_nothing_and_leaves_nothing(
    fleet: Fleet, tmp_path: Path
) -> None:
    await fleet.start("serve", worker="false")
    ada = fleet.api("ada")
    both = (await send(ada, b"In both", "text/plain"))["id"]
    alone = (await send(ada, b"In one", "text/plain"))["id"]
    gone, kept = await _talk(ada, both, alone), await _talk(ada, both)
    await ask(fleet.database, f"{ADD} WHERE id = '{gone}'", "SELECT 1")
    await ada.do("deleteConversation", "{ __typename }", id=gone)
    (deletion,) = (await ada.run(DELETIONS))["deletions"]["nodes"]
    await ada.do("emptyDeletion", "{ __typename }", id=deletion["id"])
    first = await fleet.start("worker")
    await eventually(lambda: _begun(ada), 30)
    await fleet.kill(first)
    (half,) = (await ada.run(DELETIONS))["deletions"]["nodes"]
    assert half["state"] == "RUNNING"
    assert 0 < half["removedRows"] < half["totalRows"]
    assert await ask(fleet.database, f"{LEFT}'{gone}'") == 0, "what was told is what was done"
    await fleet.start("worker")
    await eventually(lambda: _complete(ada), 60)
    assert await ask(fleet.database, "SELECT count(*) FROM message") == 2
    await eventually(lambda: _stores(tmp_path, "In both"), 30)
    await ada.do("deleteConversation", "{ __typename }", id=kept)
    (deletion,) = (await ada.run(DELETIONS))["deletions"]["nodes"]
    await ada.do("emptyDeletion", "{ __typename }", id=deletion["id"])
    await eventually(lambda: _stores(tmp_path), 30)


async def _talk(ada: Api, *files: str) -> str:
    """A conversation with files attached to its message, and an answer."""
    attachments = [{"fileId": file} for file in files]
    made = await ada.do("startConversation", START, content="See", attachments=attachments)
    return made["conversation"]["id"]


async def _begun(ada: Api) -> bool:
    (deletion,) = (await ada.run(DELETIONS))["deletions"]["nodes"]
    return deletion["removedRows"] > 0


async def _complete(ada: Api) -> bool:
    return (await ada.run(DELETIONS))["deletions"]["nodes"] == []


async def _stores(folder: Path, *texts: str) -> bool:
    """Whether the storage keeps these texts and nothing else."""
    files = (folder / "data" / "files").rglob("*")
    try:
        return [path.read_text() for path in files if path.is_file()] == list(texts)
    except FileNotFoundError:  # one went while it was looked at
        return False
