"""A Figma on loopback: its pages of OAuth, and what of its API is used here."""

from __future__ import annotations

from aiohttp import web

from tests.harness.services import ConnectedService, check_basic


class FigmaServer(ConnectedService):
    """Tokens always end; a refresh token holds on, and no second one is ever given."""

    id = "figma"

    def __init__(self) -> None:
        super().__init__()
        self.lifetime = 90 * 24 * 3_600

    def add_to(self, app: web.Application) -> None:
        """Serve its routes."""
        app.router.add_get("/oauth", self.authorize)
        app.router.add_post("/v1/oauth/token", self._tokens)
        app.router.add_post("/v1/oauth/refresh", self._refresh)
        app.router.add_post("/v1/oauth/revoke", self._forget)
        app.router.add_get("/v1/me", self._me)

    async def _tokens(self, request: web.Request) -> web.Response:
        check_basic(request)
        form = {name: str(value) for name, value in (await request.post()).items()}
        tokens = self.redeemed(form)
        return _refused() if tokens is None else web.json_response(tokens)

    async def _refresh(self, request: web.Request) -> web.Response:
        check_basic(request)
        refresh = str((await request.post())["refresh_token"])
        if refresh not in self.refreshing:
            return _refused()
        return web.json_response(self.new_tokens(kept=refresh))

    async def _forget(self, request: web.Request) -> web.Response:
        check_basic(request)
        known = self.forget(str((await request.post())["token"]))
        return web.Response(status=200 if known else 400)

    async def _me(self, request: web.Request) -> web.Response:
        if not self.bearer(request):
            return web.json_response({"status": 403, "err": "Invalid token"}, status=403)
        about = {"id": "44", "handle": "Ada", "img_url": "https://figma.example/44.png"}
        return web.json_response(about | {"email": "ada@example.com"})


def _refused() -> web.Response:
    return web.json_response({"error": True, "status": 400, "message": "Invalid"}, status=400)
