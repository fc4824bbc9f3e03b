"""Guests who turn out to be somebody, by each way in."""

from __future__ import annotations

from models.packages import record_models
from tests.harness.accounts import PASSWORD, Town, guest_of, sign_in
from tests.harness.api import Api, StartServer
from tests.harness.ownership import make_world
from tests.harness.planting import CIPHER
from tests.harness.verbs import id_of

PROJECTS = "{ projects { nodes { id } } }"
LEFT = {"OrgMember", "AuditLog", "CreditEntry", "UsageEvent"}
"""What tells of the organisation, and planted credits and usage; a guest really has none."""


async def test_a_guest_who_signs_up_is_upgraded_in_place(here: Town) -> None:
    guest = await guest_of(here.server)
    before = await id_of(guest)
    await guest.do("createProject", "{ project { id } }", name="Mine", framework="VUE")
    await guest.do("signUp", "{ email }", email="ada@example.com", password=PASSWORD, name="Ada")
    token = await here.office.token("ada@example.com")
    await here.server.nobody().do("verifyEmail", "{ email }", token=token, password=PASSWORD)
    assert await guest.code(PROJECTS) == "UNAUTHENTICATED", "a guest's token is no user's"
    made = await sign_in(here.server.nobody(), "ada@example.com")
    assert made["user"] == {
        "id": before, "email": "ada@example.com", "name": "Ada", "anonymous": False
    }  # fmt: skip
    ada = Api(guest.session, here.server.url, made["token"])
    assert len((await ada.run(PROJECTS))["projects"]["nodes"]) == 1


async def test_a_first_token_of_the_provider_may_bring_the_guest_along(here: Town) -> None:
    guest = await guest_of(here.server)
    before = await id_of(guest)
    ada = here.server.user("ada")
    headers = ada.headers | {"Punnet-Guest": str(guest.token)}
    body = {"query": "{ me { id clerkId anonymous } }"}
    for _ in range(2):  # the second time there is no guest any more, and nothing to do
        async with ada.session.post(ada.url, json=body, headers=headers) as response:
            found = await response.json()
        assert found["data"]["me"] == {"id": before, "clerkId": "ada", "anonymous": False}
    eve = here.server.user("eve")
    headers = eve.headers | {"Punnet-Guest": str(eve.token)}
    async with eve.session.post(eve.url, json=body, headers=headers) as response:
        assert response.status == 400, "that is no guest's token"


async def test_a_user_takes_a_guest_over_once(here: Town) -> None:
    ada, guest = here.server.user("ada"), await guest_of(here.server)
    mine = await id_of(ada)
    # Both have the one connection to each service that a user may have: the user's stays.
    kept = (await make_world(here.server, ada))["grant"]
    world = await make_world(here.server, guest)
    claim = "mutation($t: String!) { claimGuest(input: {token: $t}) { user { id } } }"
    assert await guest.code(claim, t=guest.token) == "FORBIDDEN"
    assert (await ada.run(claim, t=guest.token))["claimGuest"]["user"]["id"] == mine
    assert await ada.code(claim, t=guest.token) == "NOT_FOUND"
    assert await ada.code(claim, t=ada.token) == "INVALID"
    grants = await here.server.sql("SELECT id, user_id, provider FROM oauth_connection")
    assert [one["id"] for one in grants if one["provider"] == "github"] == [kept]
    assert [one["user_id"] for one in grants] == [mine, mine]
    found = await ada.run("query($id: ID!) { node(id: $id) { id } }", id=world["message"])
    assert found["node"] == {"id": world["message"]}
    assert (await ada.run("{ usage { id } }"))["usage"]


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
    assert left == LEFT
    mine = made["user"]["id"]
    found = await ada.run(PROJECTS)
    ids = {node["id"] for node in found["projects"]["nodes"]}
    assert {world["project"], world["quiet"]} <= ids
    grants = await here.server.sql("SELECT * FROM oauth_connection")
    assert {grant["provider"] for grant in grants} == {"figma", "github"}
    for grant in grants:
        purpose = "oauth_connection.access_token"
        assert CIPHER.open(grant["access_token"], owner=mine, purpose=purpose) == "gho_1"


async def test_one_address_makes_only_so_many_guests(start_server: StartServer) -> None:
    server = await start_server(worker=False, address_tries=3)
    create = "mutation { createGuest(input: {}) { user { id } } }"
    answers = [await server.nobody().ask(create) for _ in range(5)]
    assert ["errors" in answer for answer in answers] == [False] * 3 + [True] * 2
    assert answers[4]["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert len(await server.sql("SELECT id FROM user_account")) == 3
