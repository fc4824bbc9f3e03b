"""A project as a ZIP: its newest files for whoever may read it, the same bytes each time."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping
from typing import Any
from zipfile import ZipFile

import pytest
from aiohttp import ClientResponse

from app.database import connect
from models.permissions import Role
from tests.harness.api import Api, Server, StartServer
from tests.harness.clock import FakeClock
from tests.harness.eventually import eventually
from tests.harness.planting import plant_session
from tests.harness.planting_orgs import plant_empty_org, plant_member
from tests.harness.verbs import id_of

DOWNLOAD = "query($id: ID!) { projectDownload(id: $id) { url expiresAt } }"
FILES = {"src/app.ts": "export {}\n", "readme.md": "# Grüße\n", "a/[id].tsx": ""}


async def project_of(user: Api, files: Mapping[str, Any] | None = None, **more: Any) -> str:
    """An app with files, or with none."""
    given = {"name": "My app: one/two", "framework": "VUE"} | more
    id = (await user.do("createProject", "{ project { id } }", **given))["project"]["id"]
    if files is not None:
        await add_files(user, id, files)
    return id


async def add_files(user: Api, project: str, files: Mapping[str, Any]) -> None:
    """A message with a fragment."""
    to = {"projectId": project}
    made = await user.do("createMessage", "{ message { id } }", to=to, content="Files")
    fragment = {"sandboxUrl": "about:blank", "title": "One", "framework": "VUE", "files": files}
    message = made["message"]["id"]
    await user.do("upsertFragment", "{ __typename }", messageId=message, **fragment)


async def path_of(user: Api, project: str) -> str:
    return (await user.run(DOWNLOAD, id=project))["projectDownload"]["url"]


async def get(server: Server, path: str, user: Api | None = None, **headers: str) -> ClientResponse:
    if user is not None:
        headers["Authorization"] = f"Bearer {user.token}"
    response = await server.session.get(server.url + path, headers=headers)
    await response.read()
    return response


async def files_in(response: ClientResponse) -> dict[str, str]:
    assert response.status == 200, await response.text()
    with ZipFile(io.BytesIO(await response.read())) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


async def test_it_has_the_files_of_the_newest_fragment(server: Server) -> None:
    ada = server.user()
    project = await project_of(ada, {"old.ts": "gone"})
    await add_files(ada, project, FILES)
    for number in range(30):  # more than a model is shown
        to = {"projectId": project}
        await ada.do("createMessage", "{ __typename }", to=to, content=f"Note {number}")
    response = await get(server, await path_of(ada, project))
    assert await files_in(response) == FILES
    assert response.headers["Content-Type"] == "application/zip"
    named = response.headers["Content-Disposition"]
    assert named.startswith('attachment; filename="My app_ one_two.zip"')
    assert response.headers["Cache-Control"] == "no-store"
    assert int(response.headers["Content-Length"]) == len(await response.read())


async def test_the_same_files_are_the_same_bytes(server: Server) -> None:
    ada = server.user()
    one = await project_of(ada, FILES)
    other = await project_of(ada, dict(reversed(FILES.items())))
    bodies = [await (await get(server, await path_of(ada, id))).read() for id in (one, one, other)]
    assert bodies[0] == bodies[1] == bodies[2]


LEFT_OUT = [
    "package-lock.json", "yarn.lock", "pnpm-lock.yaml", "bun.lockb", "sub/any.lock",
    ".env", ".env.local", "sub/.env", "node_modules/a/index.js", "web/node_modules/a.js",
    ".next/trace", ".cache/a", "dist/a.js", "build/a.js", ".git/config", ".idea/a", ".vscode/a",
    ".DS_Store", "src/.DS_Store", "Thumbs.db",
]  # fmt: skip
KEPT = ["package.json", ".env.example", "src/build/a.js", "src/lock.ts", "tsconfig.json"]
ODD = ["aux.txt", "src/COM1", "trailing.", "space ", "what?.ts", "src/NUL.tar.gz", "a" * 256]
CLASHING = [("App.tsx", "app.tsx"), ("nai\u0308ve.ts", "na\u00efve.ts"), ("lib", "lib/a.ts")]


async def test_what_tools_make_and_secrets_stay_here(server: Server) -> None:
    ada = server.user()
    project = await project_of(ada, dict.fromkeys(LEFT_OUT + KEPT, "x"))
    assert set(await files_in(await get(server, await path_of(ada, project)))) == set(KEPT)


async def test_every_name_can_be_had_on_every_system(server: Server) -> None:
    ada = server.user()
    names = [*ODD, *(name for pair in CLASHING for name in pair), "fine.ts"]
    project = await project_of(ada, dict.fromkeys(names, "x"))
    found = set(await files_in(await get(server, await path_of(ada, project))))
    assert "fine.ts" in found
    assert not found & set(ODD)
    assert [len(found & set(pair)) for pair in CLASHING] == [1, 1, 1]


async def test_paths_that_lead_out_are_not_even_written(server: Server) -> None:
    """What got into the table by another way is not sent either."""
    ada = server.user()
    project = await project_of(ada, {"fine.ts": "x"})
    for path in ("../out", "/etc/passwd", "a/../../b", "C:\\x", "a\\b", "a//b", "."):
        await server.sql(
            "UPDATE fragment SET files = files || jsonb_build_object($1::text, 'x')", path
        )
    assert await files_in(await get(server, await path_of(ada, project))) == {"fine.ts": "x"}


async def test_only_readers_of_the_project_get_a_link(server: Server) -> None:
    ada, eve = server.user("ada"), server.user("eve")
    await id_of(eve)
    project = await project_of(ada, FILES)
    for stranger in (eve, server.nobody()):
        assert await stranger.run(DOWNLOAD, id=project) == {"projectDownload": None}
    for missing in ("prj_00000000000000000000000000", "nonsense", await id_of(ada)):
        assert await ada.run(DOWNLOAD, id=missing) == {"projectDownload": None}


async def test_a_link_is_its_readers_and_nobody_elses(server: Server) -> None:
    ada, eve = server.user("ada"), server.user("eve")
    await id_of(eve)
    path = await path_of(ada, await project_of(ada, FILES))
    assert (await get(server, path, eve)).status == 404
    assert (await get(server, path, Origin="https://evil.example")).status == 403
    assert (await get(server, path, ada)).status == 200
    changed = path[:-1] + ("A" if path[-1] != "A" else "B")
    signed = server.services.ports.signer.sign("export", ["x", await id_of(ada), None, None, 2**42])
    for forged in (changed, "/downloads/x", f"/downloads/{signed}"):
        response = await get(server, forged)
        assert response.status == 404
        assert (await response.json())["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_a_link_ends_with_the_right_to_read(start_server: StartServer) -> None:
    clock = FakeClock()
    server = await start_server(worker=False, clock=clock)
    ada, bob = server.user("ada"), server.user("bob")
    org, _ = await plant_empty_org(server, await id_of(ada))
    member = await plant_member(server, org, await id_of(bob), Role.VIEWER)
    project = await project_of(ada, FILES, orgId=org)
    path = await path_of(bob, project)
    assert (await get(server, path)).status == 200
    await ada.do("removeOrgMember", "{ __typename }", id=member)
    assert (await get(server, path)).status == 404
    mine = await path_of(ada, project)
    clock.advance(minutes=10)
    assert (await get(server, mine)).status == 404
    mine = await path_of(ada, project)
    await ada.do("deleteProject", "{ __typename }", id=project)
    assert (await get(server, mine)).status == 404


async def test_a_link_ends_with_its_session(server: Server) -> None:
    ada = server.user()
    project = await project_of(ada, FILES)
    id, token = await plant_session(server, await id_of(ada))
    ada.token = token
    path = await path_of(ada, project)
    assert (await get(server, path)).status == 200
    await ada.do("revokeSession", "{ __typename }", id=id)
    assert (await get(server, path)).status == 401


@pytest.mark.parametrize("files", [None, {}, {".env": "A=1"}])
async def test_without_files_there_is_nothing_to_send(
    server: Server, files: dict[str, str] | None
) -> None:
    ada = server.user()
    response = await get(server, await path_of(ada, await project_of(ada, files)))
    assert response.status == 404
    assert "no files" in await response.text()


async def refused(response: ClientResponse) -> str:
    """The code of a refusal that says when to come back."""
    assert response.status == 429
    assert int(response.headers["Retry-After"]) > 0
    return (await response.json())["errors"][0]["extensions"]["code"]


async def test_a_link_is_good_for_three_tries(server: Server) -> None:
    """Whoever has it could else have all files read again and again."""
    ada = server.user()
    project = await project_of(ada, FILES)
    path = await path_of(ada, project)
    for _ in range(3):
        assert (await get(server, path)).status == 200
    assert await refused(await get(server, path)) == "RATE_LIMITED"
    assert await refused(await get(server, path, ada)) == "RATE_LIMITED"
    assert (await get(server, await path_of(ada, project))).status == 200


async def test_a_reader_has_so_many_downloads_a_while(start_server: StartServer) -> None:
    clock = FakeClock()
    given: dict[str, Any] = {"worker": False, "clock": clock, "rate_limits": {"download": 2}}
    server = await start_server(**given)
    ada, eve = server.user("ada"), server.user("eve")
    project = await project_of(ada, FILES)
    for user in (ada, None):
        assert (await get(server, await path_of(ada, project), user)).status == 200
    assert await refused(await get(server, await path_of(ada, project))) == "RATE_LIMITED"
    theirs = await project_of(eve, FILES)
    assert (await get(server, await path_of(eve, theirs))).status == 200, "others have their own"
    clock.advance(minutes=10)
    assert (await get(server, await path_of(ada, project))).status == 200


LOADING = """SELECT pid FROM pg_stat_activity
WHERE wait_event_type = 'Lock' AND query LIKE '%FROM fragment%'"""


async def test_who_waits_for_a_place_holds_no_files_yet(server: Server, database_url: str) -> None:
    """Files may be 10 MB: so they are read once there is a place to pack them."""
    ada = server.user()
    project = await project_of(ada, FILES)
    paths = [await path_of(ada, project) for _ in range(6)]
    connection = await connect(database_url)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE fragment IN ACCESS EXCLUSIVE MODE")
            getting = [asyncio.create_task(get(server, path)) for path in paths]
            await eventually(lambda: server.sql(LOADING))
            for _ in range(25):
                assert len(await server.sql(LOADING)) <= 2
                await asyncio.sleep(0.02)
    finally:
        await connection.close()
    assert [one.status for one in await asyncio.gather(*getting)] == [200] * 6
