"""The chat at `/demo`: a whole client of the public API, for trying it and for reading.

It is plain HTML and JavaScript modules, and knows nothing that other clients could not know.
"""

from urllib.parse import urlsplit

from aiohttp import web

from app.config import Settings
from app.pages import STATIC, page_headers


def routes(settings: Settings) -> list[web.RouteDef]:
    """The route `/demo`: in development, and where the settings ask for it."""
    if not (settings.dev or settings.demo_page):
        return []
    text = (STATIC / "demo" / "index.html").read_text(encoding="utf-8")
    policy = {
        "img-src": "blob:",  # pictures that are still being sent
        "connect-src": _bucket(settings),
        "require-trusted-types-for": "'script'",  # text that users wrote can't become markup
        "trusted-types": "'none'",
    }

    async def page(request: web.Request) -> web.Response:
        headers = page_headers(request, policy)
        return web.Response(text=text, content_type="text/html", charset="utf-8", headers=headers)

    return [web.get("/demo", page)]


def _bucket(settings: Settings) -> str:
    """Where browsers send files when it is not here: the bucket's host, or one below it."""
    if settings.storage_url is None:
        return ""
    endpoint = urlsplit(settings.storage_endpoint or "https://amazonaws.com")
    return f"{endpoint.scheme}://{endpoint.netloc} {endpoint.scheme}://*.{endpoint.netloc}"
