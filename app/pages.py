"""What the pages of this server share: their files under `/static/`, and the headers they need.

Every file comes from this package, so the pages work without the internet.
"""

from collections.abc import Mapping
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
DEMO_FILES = ("demo/", "vendor/graphql-ws-", "icon.svg")
SAFE = {"X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin"}


def file_routes(settings: Settings) -> list[web.RouteDef]:
    """The route `/static/…`: all files in development, elsewhere those of the pages shown there."""
    shown = ("",) if settings.dev else DEMO_FILES
    if not (settings.dev or settings.demo_page):
        return []
    files = {
        name: path
        for path in STATIC.rglob("*")
        if path.suffix in CONTENT_TYPES
        and (name := path.relative_to(STATIC).as_posix()).startswith(shown)
    }

    async def file(request: web.Request) -> web.StreamResponse:
        # A closed list of names, made at start: nothing outside it can be asked for.
        name = request.match_info["name"]
        path = files.get(name)
        if path is None:
            raise web.HTTPNotFound
        # A vendored path holds its version, so its content never changes.
        cache = "public, max-age=31536000, immutable" if name.startswith("vendor/") else "no-cache"
        headers = {**SAFE, "Content-Type": CONTENT_TYPES[path.suffix], "Cache-Control": cache}
        return web.FileResponse(path, headers=headers)

    return [web.get("/static/{name:.+}", file)]


def page_headers(request: web.Request, policy: Mapping[str, str]) -> dict[str, str]:
    """The headers of a page; `policy` adds sources to the directives of its security policy.

    A page may load and call this server, and nothing else.
    """
    strict = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": f"'self'{_socket(request.headers.get('Host', ''))}",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    full = {
        name: f"{strict.get(name, '')} {policy.get(name, '')}".strip()
        for name in {**strict, **policy}
    }
    return {
        **SAFE,
        "Cache-Control": "no-store",
        "Content-Security-Policy": "; ".join(f"{name} {full[name]}" for name in full),
        "Referrer-Policy": "no-referrer",
    }


def host_name(host: str) -> str:
    """The name in a `Host` header, without its port; empty for what is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _socket(host: str) -> str:
    """The server's WebSockets: older browsers do not count them as 'self'."""
    return f" ws://{host} wss://{host}" if host_name(host) and _is_plain(host) else ""


def _is_plain(host: str) -> bool:
    return all(c.isascii() and (c.isalnum() or c in ".-:[]") for c in host)
