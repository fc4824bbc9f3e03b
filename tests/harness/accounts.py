"""Users who sign in with a password, for tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.harness.api import Api, Server, StartServer
from tests.harness.post_office import PostOffice

PASSWORD = "ripe strawberries"


@dataclass(frozen=True, slots=True)
class Town:
    """A server and the post office that takes its mails."""

    server: Server
    office: PostOffice

    async def sign_up(self, email: str = "ada@example.com", password: str = PASSWORD) -> None:
        """A new user, whose address is proven."""
        nobody = self.server.nobody()
        number = len(self.office.to(email)) + 1
        await nobody.do("signUp", "{ email }", email=email, password=password)
        token = await self.office.token(email, number)
        await nobody.do("verifyEmail", "{ email }", token=token, password=password)

    async def sign_in(self, email: str = "ada@example.com", password: str = PASSWORD) -> Api:
        """A signed-in caller."""
        made = await sign_in(self.server.nobody(), email, password)
        return Api(self.server.session, self.server.url, made["token"])

    async def newcomer(self, email: str = "ada@example.com") -> Api:
        """A new user, signed in."""
        await self.sign_up(email)
        return await self.sign_in(email)


async def guest_of(server: Server) -> Api:
    """A new guest."""
    made = await server.nobody().do("createGuest", "{ token }")
    return Api(server.session, server.url, made["token"])


async def sign_in(api: Api, email: str, password: str = PASSWORD, **more: Any) -> Any:
    """The payload of signing in."""
    payload = "{ user { id email name anonymous } session { id userAgent ipAddress } token }"
    return await api.do("signIn", payload, email=email, password=password, **more)


async def town(start_server: StartServer, office: PostOffice, **settings: Any) -> Town:
    """A server whose mails go to a post office."""
    given = {"smtp_url": office.url, "app_url": "https://app.example", **settings}
    return Town(await start_server(**given), office)
