"""Avatars: made anew from what was sent, shown to everybody, gone when they are taken away."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from models.accounts.users import User
from models.files.sweeping import sweep_files
from tests.harness.api import Api, Refused, Server, StartServer
from tests.harness.clock import FakeClock
from tests.harness.orgs import found, join
from tests.harness.planting import alter
from tests.harness.uploading import FILE, announce, http, image, put, send
from tests.harness.verbs import actor_of, id_of

USER = "{ user { id avatarUrl } }"


async def picture(api: Api, data: bytes | None = None, kind: str = "image/png") -> str:
    """The id of a complete upload for an avatar."""
    return (await send(api, data or image(), kind, purpose="AVATAR"))["id"]


async def shown(api: Api) -> str | None:
    """The address of the caller's picture."""
    return (await api.run("{ me { avatarUrl } }"))["me"]["avatarUrl"]


async def set_avatar(api: Api, file: str) -> Any:
    return (await api.do("setAvatar", USER, fileId=file))["user"]["avatarUrl"]


async def test_a_picture_is_made_anew_and_shown_to_everybody(server: Server) -> None:
    ada = server.user()
    data = image("JPEG", (1_200, 700), comment=b"at home")
    upload = await announce(ada, data, "image/jpeg", purpose="AVATAR")
    await put(ada, upload, data)
    file = (await ada.do("completeUpload", FILE, id=upload.id))["file"]
    told = file["contentType"], file["width"], file["height"]
    assert told == ("image/webp", 512, 512)
    url = await set_avatar(ada, file["id"])
    assert url == await shown(ada) == f"/avatars/{file['id']}"
    answer = await http(server.nobody(), "GET", url)
    assert (answer.status, len(answer.body)) == (200, file["size"])
    with Image.open(io.BytesIO(answer.body)) as opened:
        assert (opened.format, opened.size) == ("WEBP", (512, 512))
    assert b"at home" not in answer.body
    assert answer.headers["Cache-Control"].startswith("public")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_an_upload_is_no_picture_until_it_is_set(server: Server) -> None:
    ada = server.user()
    file = await picture(ada)
    assert (await http(ada, "GET", f"/avatars/{file}")).status == 404
    attached = (await send(ada, image(), "image/png"))["id"]
    with pytest.raises(Refused) as refused:
        await set_avatar(ada, attached)
    assert refused.value.code == "NOT_FOUND"
    assert (await http(ada, "GET", f"/avatars/{attached}")).status == 404
    pending = await announce(ada, image(), "image/png", purpose="AVATAR")
    with pytest.raises(Refused) as refused:
        await set_avatar(ada, pending.id)
    assert refused.value.code == "CONFLICT"


async def test_the_one_before_goes(server: Server, tmp_path: Path) -> None:
    ada = server.user()
    first, second = await picture(ada), await picture(ada, image(size=(9, 9)))
    await set_avatar(ada, first)
    assert await set_avatar(ada, first) == f"/avatars/{first}", "again is the same"
    await set_avatar(ada, second)
    assert (await http(ada, "GET", f"/avatars/{first}")).status == 404
    assert (await http(ada, "GET", f"/avatars/{second}")).status == 200
    await sweep_files(actor_of(server, None), server.services.storage)
    rows = await server.sql("SELECT id FROM stored_file")
    assert [row["id"] for row in rows] == [second]
    files = [path for path in (tmp_path / "data" / "files").rglob("*") if path.is_file()]
    assert len(files) == 1


@pytest.mark.parametrize(("keep", "left"), [(True, "https://x.example/a.png"), (False, None)])
async def test_taking_it_away(server: Server, keep: bool, left: str | None) -> None:
    ada = server.user()
    provided = "https://x.example/a.png"
    await alter(server, User, await id_of(ada), avatar_url=provided)
    assert await shown(ada) == provided
    file = await picture(ada)
    url = await set_avatar(ada, file)
    made = await ada.do("deleteAvatar", USER, keepProvided=keep)
    assert made["user"]["avatarUrl"] == left == await shown(ada)
    assert (await http(ada, "GET", url)).status == 404


async def test_a_guest_may_not(server: Server) -> None:
    made = await server.nobody().do("createGuest", "{ token }")
    guest = Api(server.session, server.url, made["token"])
    with pytest.raises(Refused) as refused:
        await picture(guest)
    assert refused.value.code == "FORBIDDEN"
    assert await guest.code("mutation { deleteAvatar(input: {}) { user { id } } }") == "FORBIDDEN"


async def test_members_see_each_others(server: Server) -> None:
    ada, bob = server.user("ada"), server.user("bob")
    org = await found(ada, "Orchard")
    await join(server, ada, org, bob, "EDITOR")
    url = await set_avatar(ada, await picture(ada))
    query = "query($id: ID!) { org(id: $id) { members { nodes { person { avatarUrl } } } } }"
    nodes = (await bob.run(query, id=org))["org"]["members"]["nodes"]
    assert url in {node["person"]["avatarUrl"] for node in nodes}


async def test_tries_are_counted(start_server: StartServer) -> None:
    server = await start_server(clock=FakeClock(), worker=False)
    ada = server.user()
    file = await picture(ada)
    for _ in range(20):
        await set_avatar(ada, file)
    with pytest.raises(Refused) as refused:
        await set_avatar(ada, file)
    assert refused.value.code == "RATE_LIMITED"


async def test_an_erased_users_picture_goes(server: Server) -> None:
    ada = server.user()
    url = await set_avatar(ada, await picture(ada))
    await ada.do("deleteMe", "{ deletedUserId }")
    assert (await http(server.nobody(), "GET", url)).status == 404
