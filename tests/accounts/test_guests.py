"""Guests who turn out to be somebody, by each way in."""

from __future__ import annotations

from models.packages import record_models
from tests.harness.accounts import PASSWORD, Town, sign_in
from tests.harness.api import Api, Server
from tests.harness.ownership import make_world
from tests.harness.planting import CIPHER
from tests.harness.verbs import id_of

PROJECTS = "{ projects { nodes { id } } }"


async def guest_of(server: Server) -> Api:
    made = await server.nobody().do("createGuest", "{ token }")
    return Api(server.session, server.url, made["token"])


async def test_a_guest_who_signs_up_is_upgraded_in_place(here: Town) -> None:
    guest = await guest_of(here.server)
    before = await id_of(guest)
    await guest.do("createProject", "{ project { id } }", name="Mine", framework="VUE")
    await guest.do("signUp", "{ email }", email="ada@example.com", password=PASSWORD, name="Ada")
    token = await here.office.token("ada@example.com")
    await here.server.nobody().do("verifyEmail", "{ email }", token=token)
    assert await guest.code(PROJECTS) == "UNAUTHENTICATED", "a guest's token is no user's"
    made = await sign_in(here.server.nobody(), "ada@example.com")
    assert made["user"] == {
        "id": before, "email": "ada@example.com", "name": "Ada", "anonymous": False
    }  # fmt: skip
    ada = Api(guest.session, here.server.url, made["token"])
    assert len((await ada.run(PROJECTS))["projects"]["nodes"]) == 1


async def test_signing_in_moves_all_that_a_guest_made(here: Town) -> None:
    ada = await here.newcomer()
    guest = await guest_of(here.server)
    theirs = await id_of(guest)
    world = await make_world(here.server, guest)
    made = await sign_in(guest, "ada@example.com")
    assert await guest.code(PROJECTS) == "UNAUTHENTICATED"
    left = {
        model.__name__
        for model in record_models()
        for column in {"owner_id", "user_id"} & set(model.columns())
        if await here.server.sql(f"SELECT id FROM {model.table()} WHERE {column} = $1", theirs)
    }
    assert left == set()
    mine = made["user"]["id"]
    found = await ada.run(PROJECTS)
    ids = {node["id"] for node in found["projects"]["nodes"]}
    assert {world["project"], world["quiet"]} <= ids
    (grant,) = await here.server.sql("SELECT * FROM oauth_connection")
    opened = CIPHER.open(grant["access_token"], owner=mine, purpose="oauth_connection.access_token")
    assert opened == "gho_1"
