"""GraphiQL at `/` and its files under `/static/`, for development.

Every file comes from this package, so the page works without the internet. Outside development
`/` is one line of text and there is no `/static/`.
"""

import json
import secrets
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from app.config import Settings

STATIC = Path(__file__).parent / "static"
CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_SAFE = {"X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin"}
# Names a proxy adds: with one of them the peer's address is the proxy's, not the reader's.
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")


def routes(
    settings: Settings,
    *,
    examples: Mapping[str, str],
    token: Callable[[], str | None],
) -> list[web.RouteDef]:
    """The routes `/` and, in development, `/static/…`.

    `examples` fills the variables of the prepared tabs (known keys: `projectId`) and is read anew
    for each page. `token` gives the demo user's token, without `Bearer`, or None; it is asked only
    for readers whom `may_see_token` accepts.
    """
    if not settings.dev:
        return [web.get("/", _closed)]
    template = (STATIC / "graphiql.html").read_text(encoding="utf-8")
    files = {
        path.relative_to(STATIC).as_posix(): path
        for path in STATIC.rglob("*")
        if path.suffix in CONTENT_TYPES
    }

    async def page(request: web.Request) -> web.Response:
        nonce = secrets.token_urlsafe(16)
        config: dict[str, object] = {
            "endpoint": "/graphql",
            "examples": dict(examples),
            "token": token() if may_see_token(_peer(request), request.headers) else None,
            "nonce": nonce,
        }
        return web.Response(
            text=template.replace("{{config}}", _script_json(config)),
            content_type="text/html",
            charset="utf-8",
            headers=_page_headers(nonce, request.headers.get("Host", "")),
        )

    async def static(request: web.Request) -> web.StreamResponse:
        # A closed list of names, made at start: nothing outside it can be asked for.
        name = request.match_info["name"]
        path = files.get(name)
        if path is None:
            raise web.HTTPNotFound
        # A vendored path holds its version, so its content never changes.
        cache = "public, max-age=31536000, immutable" if name.startswith("vendor/") else "no-cache"
        headers = {**_SAFE, "Content-Type": CONTENT_TYPES[path.suffix], "Cache-Control": cache}
        return web.FileResponse(path, headers=headers)

    return [web.get("/", page), web.get("/static/{name:.+}", static)]


def may_see_token(peer: str | None, headers: Mapping[str, str]) -> bool:
    """Whether the page may carry the demo token: only when opened on this very machine.

    `peer` is the address of the socket's other end. It has to be loopback, and so does the name in
    `Host`: a foreign name that resolves to this machine (DNS rebinding) would make its own page
    and ours the same origin. What a proxy forwarded, or a script or frame asked for, gets none.
    """
    return (
        peer is not None
        and _is_loopback(peer)
        and _is_loopback(_host_name(headers.get("Host", "")))
        and not any(name in headers for name in _FORWARDED)
        and headers.get("Sec-Fetch-Dest", "document") == "document"
    )


async def _closed(_: web.Request) -> web.Response:
    return web.Response(text="Punnet. The GraphQL endpoint is /graphql.\n", headers=_SAFE)


def _peer(request: web.Request) -> str | None:
    # Not request.remote: that can be replaced by middleware.
    name: object = request.transport and request.transport.get_extra_info("peername")
    return str(name[0]) if isinstance(name, tuple) and name else None  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] - asyncio types it as Any


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


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


def _page_headers(nonce: str, host: str) -> dict[str, str]:
    # Older browsers do not count a WebSocket as 'self'.
    socket = f" ws://{host} wss://{host}" if _host_name(host) and _is_plain(host) else ""
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": f"'self' 'nonce-{nonce}'",
        "font-src": "data:",
        "img-src": "'self' data:",
        "connect-src": f"'self'{socket}",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        **_SAFE,
        "Cache-Control": "no-store",
        "Content-Security-Policy": "; ".join(f"{key} {value}" for key, value in policy.items()),
        "Referrer-Policy": "no-referrer",
    }


def _is_plain(host: str) -> bool:
    return all(c.isascii() and (c.isalnum() or c in ".-:[]") for c in host)
