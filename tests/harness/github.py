"""A GitHub on loopback: its pages of OAuth, and what of its API is used here."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from tests.harness.services import CLIENT, SECRET, ConnectedService, check_basic


class GitHubServer(ConnectedService):
    """Refresh tokens are spent by their use, and the access token before with them."""

    id = "github"

    def __init__(self) -> None:
        self.user: dict[str, Any] = {
            "id": 7, "login": "ada", "name": "Ada", "avatar_url": "https://avatars.example/7",
        }  # fmt: skip
        self.repositories = [repository(number) for number in range(1, 4)]
        super().__init__()

    def add_to(self, app: web.Application) -> None:
        """Serve its routes."""
        app.router.add_get("/login/oauth/authorize", self.authorize)
        app.router.add_post("/login/oauth/access_token", self._tokens)
        app.router.add_delete(f"/applications/{CLIENT}/token", self._forget)
        app.router.add_get("/user", self._user)
        app.router.add_get("/user/repos", self._repositories)

    async def _tokens(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        assert (form["client_id"], form["client_secret"]) == (CLIENT, SECRET)
        if form["grant_type"] == "refresh_token":
            return self._refreshed(form["refresh_token"])
        tokens = self.redeemed(form)
        return web.json_response(tokens or {"error": "bad_verification_code"})

    def _refreshed(self, refresh: str) -> web.Response:
        if refresh not in self.refreshing:
            return web.json_response({"error": "bad_refresh_token"})
        self.refreshing.remove(refresh)
        self.live.clear()
        return web.json_response(self.new_tokens())

    async def _forget(self, request: web.Request) -> web.Response:
        check_basic(request)
        token = (await request.json())["access_token"]
        if not self.forget(token):
            return web.json_response({"message": "Not Found"}, status=404)
        return web.Response(status=204)

    async def _user(self, request: web.Request) -> web.Response:
        return web.json_response(self.user) if self.bearer(request) else bad_credentials()

    async def _repositories(self, request: web.Request) -> web.Response:
        if not self.bearer(request):
            return bad_credentials()
        page, size = int(request.query["page"]), int(request.query["per_page"])
        found = self.repositories[(page - 1) * size : page * size]
        more = len(self.repositories) > page * size
        next_page = f'<{self.url}/user/repos?page={page + 1}>; rel="next"'
        return web.json_response(found, headers={"Link": next_page} if more else {})


def repository(number: int, **more: Any) -> dict[str, Any]:
    """A repository as the API tells of it, in part."""
    return {
        "id": number,
        "name": f"shop-{number}",
        "full_name": f"ada/shop-{number}",
        "owner": {"login": "ada", "id": 7},
        "private": number % 2 == 0,
        "description": None if number % 3 == 0 else f"Shop {number}",
        "default_branch": "main",
        "html_url": f"https://github.example/ada/shop-{number}",
        "pushed_at": "2026-01-31T12:00:00Z",
    } | more


def bad_credentials() -> web.Response:
    """What GitHub says to a token that does not hold."""
    return web.json_response({"message": "Bad credentials"}, status=401)
