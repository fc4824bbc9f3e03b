"""`punnet import convex` brings every document of a snapshot, and nothing but what it must."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.auth import derive_key, load_secret
from app.cipher import Cipher
from tests.convex import expected, reading
from tests.convex.snapshots import FIRST, SECOND, spoil, story
from tests.harness.api import Server, StartServer, settings_for_tests
from tests.harness.commands import punnet

SHARED = Path(__file__).parents[2].parent / "shared"


def ours(folder: Path) -> Path:
    """Our own story, with all that real deployments contain."""
    made = story()
    spoil(made)
    return made.write(folder / "ours.zip")


def sample(folder: Path) -> Path:
    """Real prompts and answers, as the shared tool writes them, with the same."""
    path, data = folder / "sample.zip", SHARED / "data"
    questions, answers = "mt_bench_question.jsonl", "mt_bench_gpt4_answer.jsonl"
    subprocess.run(  # noqa: S603 - our own argument list, no shell
        [sys.executable, SHARED / "tools" / "make_snapshot.py", "--dirty", "-o", path,
         "--questions", data / questions, "--answers", data / answers],
        check=True, capture_output=True,
    )  # fmt: skip
    return path


SNAPSHOTS = [ours, sample] if SHARED.exists() else [ours]


@pytest.fixture
async def server(start_server: StartServer) -> Server:
    """A server that lets tests ask for much at once, and works on nothing."""
    return await start_server(worker=False, max_cost=10**7, max_depth=20)


@pytest.mark.parametrize("make", SNAPSHOTS)
async def test_every_table_is_read_back_as_the_source_has_it(
    server: Server, database: str, tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    path = make(tmp_path)
    ended = await punnet("import", "convex", path, url=database)
    assert ended.code == 0, ended.err
    source = expected.Source(path)
    for subject in source.subjects:
        api = server.user(subject)
        assert await reading.owned(api) == expected.owned(source, subject)
    operator = server.user("olga")
    await operator.run("{ me { id } }")
    assert (await punnet("grant-operator", "olga", url=database)).code == 0
    assert await reading.operated(operator) == expected.operated(source)


async def test_it_says_what_it_found(database: str, tmp_path: Path) -> None:
    ended = await punnet("import", "convex", ours(tmp_path), url=database, columns=200)
    told = " ".join(ended.out.split())
    for finding in (
        "agentRuns │ held until `punnet runs release` │ 3",
        "agentRuns │ orphan: skipped, no such projectId │ 2",
        "attachments │ orphan: skipped, no such messageId │ 1",
        "fragments │ duplicate: the newest counts │ 3",
        "fragments │ orphan: skipped, no such messageId │ 1",
        "messages │ orphan: skipped, no such projectId │ 4",
        "messages │ unfinished: ended as FAILED │ 1",
        "usage │ duplicate: the newest counts │ 1",
        "rows/s",
    ):
        assert finding in told, told


async def test_tokens_are_sealed_for_their_owners(
    server: Server, database: str, tmp_path: Path
) -> None:
    ended = await punnet("import", "convex", story().write(tmp_path / "s.zip"), url=database)
    settings = settings_for_tests()
    cipher = Cipher(derive_key(load_secret(settings), "secrets at rest"))
    rows = await server.sql("SELECT * FROM oauth_connection ORDER BY id")
    opened = [
        cipher.open(row[name], owner=row["owner_id"], purpose=f"oauth_connection.{name}")
        for row in rows
        for name in ("access_token", "refresh_token")
        if row[name] is not None
    ]
    assert sorted(opened) == sorted(
        f"{kind}_{user}_in_clear" for user in (FIRST, SECOND) for kind in ("gho", "ghr", "figd")
    )
    everywhere = str(await reading.everything(server)) + ended.out + ended.err
    assert "_in_clear" not in everywhere


async def test_a_user_who_is_here_gets_what_is_theirs(
    server: Server, database: str, tmp_path: Path
) -> None:
    ruth = server.user(FIRST)
    before = await ruth.run("{ me { id } }")
    await punnet("import", "convex", story().write(tmp_path / "s.zip"), url=database)
    after = await ruth.run("{ me { id } projects { nodes { userId } } }")
    assert after["me"] == before["me"]
    assert {node["userId"] for node in after["projects"]["nodes"]} == {before["me"]["id"]}


async def test_nobody_gets_what_is_anothers(server: Server, database: str, tmp_path: Path) -> None:
    made = story()
    theirs = made.tables["imports"][-1]["_id"]
    made.tables["attachments"][0]["importId"] = theirs
    made.tables["agentRuns"][0]["messageId"] = made.tables["messages"][-1]["_id"]
    await punnet("import", "convex", made.write(tmp_path / "s.zip"), url=database)
    rows = await server.sql(
        "SELECT (SELECT count(*) FROM attachment a JOIN project_import i ON i.id = a.import_id "
        "WHERE i.owner_id <> a.owner_id) + (SELECT count(*) FROM agent_run r JOIN message m "
        "ON m.id = r.message_id WHERE m.owner_id <> r.owner_id) AS foreign"
    )
    assert rows == [{"foreign": 0}]
