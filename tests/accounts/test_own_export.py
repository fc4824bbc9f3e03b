"""Taking one's own data along: all that is theirs, nothing of others, by a short-lived link."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from aiohttp import ClientResponse

from models.access import OperatorOnly
from models.fields import SecretColumn
from models.files.stored_files import StoredFile
from models.packages import record_models
from tests.harness.accounts import PASSWORD, guest_of
from tests.harness.api import Api, Refused, Server, StartServer
from tests.harness.clock import FakeClock
from tests.harness.commands import punnet
from tests.harness.eventually import eventually
from tests.harness.ownership import World, make_world
from tests.harness.planting import plant_password, plant_session
from tests.harness.verbs import id_of

LINK = "{ url expiresAt }"
WAITING = """SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'
AND query LIKE '%row_to_json%' AND datname = current_database()"""


@pytest.fixture
async def still(start_server: StartServer) -> Server:
    """A server on which nothing happens by itself."""
    return await start_server(worker=False)


async def link_of(user: Api, **given: Any) -> str:
    """The path that a user's data is at."""
    return (await user.do("exportMyData", LINK, **given))["url"]


async def get(
    server: Server, path: str, headers: Mapping[str, str] | None = None
) -> ClientResponse:
    response = await server.session.get(server.url + path, headers=headers)
    await response.read()
    return response


def authorised(user: Api) -> dict[str, str]:
    return {"Authorization": f"Bearer {user.token}"}


async def exported(server: Server, user: Api, **given: Any) -> ZipFile:
    """What a user gets."""
    response = await get(server, await link_of(user, **given))
    assert response.status == 200, await response.text()
    return ZipFile(io.BytesIO(await response.read()))


def lines_of(archive: ZipFile) -> Iterator[tuple[str, dict[str, Any]]]:
    """Table and row of each line."""
    for name in archive.namelist():
        if name.endswith("rows.jsonl"):
            for line in archive.open(name):
                yield name.partition("/")[0], json.loads(line)


async def owned_by(server: Server, user: str) -> set[str]:
    """The ids of all rows of a user's, found without an index or a rule."""
    found = {user}
    for model in record_models():
        if "owner_id" in model.columns() and not isinstance(model.access, OperatorOnly):
            query = f"SELECT id FROM {model.table()} WHERE owner_id = $1"
            found |= {row["id"] for row in await server.sql(query, user)}
    return found


async def test_it_has_all_of_ones_own_and_nothing_of_anothers(still: Server) -> None:
    ada, eve = still.user("ada"), still.user("eve")
    world, other = await make_world(still, ada), await make_world(still, eve)
    await ada.do("deleteProject", "{ deletedProjectId }", id=world["quiet"])
    await _share_a_project(still, world, eve)
    theirs = await owned_by(still, other["user"])
    archive = await exported(still, ada)
    rows = dict(lines_of(archive))
    found = [row["id"] for _, row in lines_of(archive)]
    assert set(found) == await owned_by(still, world["user"])
    assert len(found) == len(set(found))
    assert not theirs & set(found)
    assert {row.get("owner_id", row["id"]) for _, row in lines_of(archive)} == {world["user"]}
    mine = {model.table() for model in record_models()} - {"org", "org_member", "invoice"}
    mine -= {model.table() for model in record_models() if isinstance(model.access, OperatorOnly)}
    assert rows.keys() == mine, "the world has a row of each"


async def _share_a_project(server: Server, world: World, eve: Api) -> None:
    """Rows that name a user, but are an organisation's."""
    made = await world.owner.do(
        "createProjectWithMessage", "{ project { id } }", content="Ours", orgId=world["org"]
    )
    assert made
    rows = await server.sql("SELECT id FROM message WHERE owner_id = $1", world["org"])
    assert rows


async def test_the_manifest_says_what_there_is_and_what_is_not(still: Server) -> None:
    ada = still.user("ada")
    world = await make_world(still, ada)
    archive = await exported(still, ada)
    manifest = json.loads(archive.read("manifest.json"))
    counts: dict[str, int] = dict.fromkeys(manifest["tables"], 0)
    for table, row in lines_of(archive):
        counts[table] += 1
        assert list(row) == manifest["tables"][table]["columns"]
    assert {name: table["rows"] for name, table in manifest["tables"].items()} == counts
    assert manifest["user"] == world["user"]
    assert manifest["format"] == 1
    operators = [m.table() for m in record_models() if isinstance(m.access, OperatorOnly)]
    assert manifest["left_out"] == sorted(operators)
    for model in record_models():
        if model.table() not in operators:
            secrets = [n for n in model.columns() if isinstance(model.column(n), SecretColumn)]
            withheld = ["storage_key"] if model is StoredFile else []
            assert manifest["tables"][model.table()]["secrets"] == secrets + withheld
    assert manifest["tables"]["session"]["secrets"]


async def test_no_secret_is_in_it(still: Server) -> None:
    ada = still.user("ada")
    world = await make_world(still, ada)
    await plant_password(still, world["user"], "ada@example.com", PASSWORD)
    archive = await exported(still, ada, currentPassword=PASSWORD)
    text = "".join(archive.read(name).decode() for name in archive.namelist())
    secrets = await stored_secrets(still)
    assert len(secrets) > 5
    assert not [secret for secret in secrets if secret in text]
    assert "ada@example.com" in text


async def stored_secrets(server: Server) -> list[str]:
    """What is encrypted or hashed, in whatever table."""
    found: list[str] = []
    for model in record_models():
        for name in model.columns():
            if isinstance(model.column(name), SecretColumn):
                query = f"SELECT {name} AS value FROM {model.table()} WHERE {name} IS NOT NULL"
                found += [row["value"] for row in await server.sql(query)]
    return found


async def test_the_lines_are_those_of_punnet_export(
    still: Server, database: str, tmp_path: Path
) -> None:
    ada = still.user("ada")
    await make_world(still, ada)
    archive, target = await exported(still, ada), tmp_path / "all.zip"
    assert (await punnet("export", target, url=database)).code == 0
    with ZipFile(target) as whole:
        for name in set(archive.namelist()) - {"manifest.json", "stored_file/rows.jsonl"}:
            assert set(archive.open(name)) <= set(whole.open(name)), name


async def test_it_is_one_snapshot(still: Server) -> None:
    """What is committed while it is written is not in it, in whichever table."""
    ada = still.user("ada")
    user, path = await id_of(ada), await link_of(ada)
    async with still.services.background.transaction() as connection:
        await connection.execute("LOCK TABLE project IN ACCESS EXCLUSIVE MODE")
        asking = asyncio.create_task(get(still, path))
        await eventually(lambda: still.sql(WAITING))
        await still.sql("UPDATE user_preferences SET layout = 'later' WHERE user_id = $1", user)
    archive = ZipFile(io.BytesIO(await (await asking).read()))
    (own,) = [row for table, row in lines_of(archive) if table == "user_preferences"]
    assert own["layout"] == "fullscreen"


async def test_a_process_writes_two_at_once(still: Server) -> None:
    users = [still.user(f"user-{number}") for number in range(3)]
    paths = [await link_of(user) for user in users]
    async with still.services.background.transaction() as connection:
        await connection.execute("LOCK TABLE project IN ACCESS EXCLUSIVE MODE")
        asking = [asyncio.create_task(get(still, path)) for path in paths[:2]]
        await eventually(lambda: still.sql(f"{WAITING} GROUP BY datname HAVING count(*) = 2"))
        third = await get(still, paths[2])
    assert (third.status, third.headers["Retry-After"]) == (503, "5")
    assert [(await one).status for one in asking] == [200, 200]
    assert (await get(still, paths[2])).status == 200


async def test_it_is_a_file_that_nobody_keeps(still: Server) -> None:
    response = await get(still, await link_of(still.user()))
    assert response.headers["Content-Type"] == "application/zip"
    assert response.headers["Content-Disposition"].startswith("attachment;")
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert int(response.headers["Content-Length"]) == len(await response.read())


async def test_a_link_is_its_owners_and_nobody_elses(still: Server) -> None:
    ada, eve = still.user("ada"), still.user("eve")
    await id_of(eve)
    path = await link_of(ada)
    assert (await get(still, path, authorised(eve))).status == 404
    assert (await get(still, path, {"Authorization": "Bearer x"})).status == 401
    assert (await get(still, path, {"Origin": "https://evil.example"})).status == 403
    assert (await get(still, path, authorised(ada))).status == 200
    changed = path[:-1] + ("A" if path[-1] != "A" else "B")
    for forged in (changed, "/exports/x", path.replace("/exports/", "/exports/A")):
        response = await get(still, forged)
        assert response.status == 404
        assert (await response.json())["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    # What is signed for something else is no link.
    signed = still.services.ports.signer.sign("invitation", ["x", await id_of(ada), None, 2**42])
    assert (await get(still, f"/exports/{signed}")).status == 404


async def test_a_link_ends_after_some_minutes(start_server: StartServer) -> None:
    clock = FakeClock()
    server = await start_server(clock=clock, worker=False)
    ada = server.user()
    _, token = await plant_session(server, await id_of(ada))
    here = Api(server.session, server.url, token)
    made = await here.do("exportMyData", LINK)
    clock.advance(minutes=9, seconds=59)
    assert (await get(server, made["url"])).status == 200
    clock.advance(seconds=1)
    assert (await get(server, made["url"])).status == 404


async def test_a_link_ends_with_its_session_and_with_the_account(still: Server) -> None:
    ada = still.user()
    session, token = await plant_session(still, await id_of(ada))
    here = Api(still.session, still.url, token)
    path, other = await link_of(here), await link_of(ada)
    await ada.do("revokeSession", "{ revokedSessionId }", id=session)
    assert (await get(still, path)).status == 401
    assert (await get(still, other)).status == 200
    await ada.do("deleteMe", "{ deletedUserId }")
    assert (await get(still, other)).status == 401


async def test_it_takes_the_password_and_no_script(still: Server) -> None:
    ada = still.user()
    await plant_password(still, await id_of(ada), "ada@example.com", PASSWORD)
    new = {"name": "Script", "scopes": ["READ", "WRITE"], "currentPassword": PASSWORD}
    made = await ada.do("createApiToken", "{ token }", **new)
    script = Api(still.session, still.url, made["token"])
    for user, given in (
        (ada, {}),
        (ada, {"currentPassword": "x"}),
        (script, {"currentPassword": PASSWORD}),
    ):
        with pytest.raises(Refused) as refused:
            await link_of(user, **given)
        assert refused.value.code == "FORBIDDEN"
    assert await link_of(ada, currentPassword=PASSWORD)
    assert (
        await still.nobody().code("mutation { exportMyData(input: {}) { url } }")
        == "UNAUTHENTICATED"
    )


async def test_a_guest_gets_theirs(still: Server) -> None:
    guest = await guest_of(still)
    await guest.do("createProject", "{ project { id } }", name="Shop", framework="VUE")
    rows = [table for table, _ in lines_of(await exported(still, guest))]
    assert sorted({*rows}) == [
        "audit_log",
        "conversation",
        "project",
        "user_account",
        "user_preferences",
    ]


async def test_it_is_bounded_by_the_day_and_by_the_link(start_server: StartServer) -> None:
    clock = FakeClock()
    server = await start_server(clock=clock, worker=False)
    ada, eve = server.user("ada"), server.user("eve")
    paths = [await link_of(ada) for _ in range(5)]
    with pytest.raises(Refused) as refused:
        await link_of(ada)
    assert refused.value.code == "RATE_LIMITED"
    assert refused.value.errors[0]["extensions"]["retryAfter"] == 24 * 60 * 60
    assert await link_of(eve)
    statuses = [(await get(server, paths[0])).status for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    assert (await get(server, paths[1])).status == 200
    clock.advance(days=1)
    assert await link_of(server.user("ada"))


async def test_it_is_audited(still: Server) -> None:
    ada = still.user()
    await link_of(ada)
    query = "{ auditLogs { nodes { action resource userId } } }"
    user = await id_of(ada)
    (found,) = (await ada.run(query))["auditLogs"]["nodes"]
    assert found == {"action": "DATA_EXPORTED", "resource": user, "userId": user}
