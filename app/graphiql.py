"""GraphiQL at `/`, for development. Elsewhere `/` is one line of text."""

import json
import secrets
from collections.abc import Callable, Mapping
from ipaddress import ip_address

from aiohttp import web

from app.config import Settings
from app.pages import SAFE, STATIC, host_name, page_headers

# Names a proxy adds: with one of them the peer's address is the proxy's, not the reader's.
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")


def routes(
    settings: Settings,
    *,
    examples: Mapping[str, str],
    token: Callable[[], str | None],
) -> list[web.RouteDef]:
    """The route `/`.

    `examples` fills the variables of the prepared tabs (known keys: `projectId`) and is read anew
    for each page. `token` gives the demo user's token, without `Bearer`, or None; it is asked only
    for readers whom `may_see_token` accepts.
    """
    if not settings.dev:
        return [web.get("/", _closed)]
    template = (STATIC / "graphiql.html").read_text(encoding="utf-8")

    async def page(request: web.Request) -> web.Response:
        nonce = secrets.token_urlsafe(16)
        config: dict[str, object] = {
            "endpoint": "/graphql",
            "examples": dict(examples),
            "token": token() if may_see_token(_peer(request), request.headers) else None,
            "nonce": nonce,
        }
        policy = {"style-src": f"'nonce-{nonce}'", "font-src": "data:", "img-src": "data:"}
        return web.Response(
            text=template.replace("{{config}}", _script_json(config)),
            content_type="text/html",
            charset="utf-8",
            headers=page_headers(request, policy),
        )

    return [web.get("/", page)]


def may_see_token(peer: str | None, headers: Mapping[str, str]) -> bool:
    """Whether the page may carry the demo token: only when opened on this very machine.

    `peer` is the address of the socket's other end. It has to be loopback, and so does the name in
    `Host`: a foreign name that resolves to this machine (DNS rebinding) would make its own page
    and ours the same origin. What a proxy forwarded, or a script or frame asked for, gets none.
    """
    return (
        peer is not None
        and _is_loopback(peer)
        and _is_loopback(host_name(headers.get("Host", "")))
        and not any(name in headers for name in _FORWARDED)
        and headers.get("Sec-Fetch-Dest", "document") == "document"
    )


async def _closed(_: web.Request) -> web.Response:
    return web.Response(text="Punnet. The GraphQL endpoint is /graphql.\n", headers=SAFE)


def _peer(request: web.Request) -> str | None:
    # Not request.remote: that can be replaced by middleware.
    name: object = request.transport and request.transport.get_extra_info("peername")
    return str(name[0]) if isinstance(name, tuple) and name else None  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] - asyncio types it as Any


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _script_json(value: object) -> str:
    """JSON that stays inside its `<script>` element whatever it holds."""
    text = json.dumps(value)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
