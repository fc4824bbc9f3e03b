"""What a browser does to sign in with a password, and the cookie that it gets."""

from __future__ import annotations

from http.cookies import Morsel, SimpleCookie
from typing import Any

from aiohttp import ClientResponse, ClientSession

from tests.harness.accounts import PASSWORD
from tests.harness.api import Api, Server
from tests.harness.planting import plant_password
from tests.harness.verbs import id_of

ME = "{ me { id } session { id } }"
SIGN_IN = """mutation($input: SignInInput!) {
  signIn(input: $input) { user { id } session { id } token } }"""
GIVEN = {"email": "ada@example.com", "password": PASSWORD, "carrier": "COOKIE"}
LISTEN = "subscription($id: ID!) { agentRunChanged(projectId: $id) { cursor } }"


async def user_of(server: Server) -> str:
    """The id of a user with a password."""
    user = await id_of(server.user("ada"))
    await plant_password(server, user, "ada@example.com", PASSWORD)
    return user


async def signed_in(server: Server) -> Api:
    """A caller with a session's token."""
    await user_of(server)
    given = GIVEN | {"carrier": "BEARER"}
    made = await server.nobody().run(SIGN_IN, input=given)
    return Api(server.session, server.url, made["signIn"]["token"])


async def post(
    session: ClientSession, server: Server, query: str, headers: Any = None, **variables: Any
) -> ClientResponse:
    body = {"query": query, "variables": variables}
    response = await session.post(f"{server.url}/graphql", json=body, headers=headers)
    await response.read()
    return response


def cookie_in(response: ClientResponse) -> Morsel[str]:
    (morsel,) = SimpleCookie(response.headers["Set-Cookie"]).values()
    return morsel
