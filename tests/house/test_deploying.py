"""The page on deploying passes through every path that clients use, and no other."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from models.files.media_types import MOST_BYTES, MOST_BYTES_OF
from tests.harness.api import StartServer

PAGE = (Path(__file__).parents[2] / "docs" / "deploying.md").read_text(encoding="utf-8")
NGINX, CADDY = (
    re.search(rf"^```{name}\n(.*?)^```", PAGE, re.M | re.S) for name in ("nginx", "caddy")
)
BACK = {"/", "/metrics", "/healthz", "/readyz"}
SETTINGS = {
    "identity_webhook_secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "polar_webhook_secret": "polar_whs_0123456789abcdef",
}


def by_nginx(path: str) -> bool:
    """Whether nginx would pass a path on."""
    assert NGINX is not None
    for kind, where in re.findall(r"location (= |~ |)(\S+) \{", NGINX[1]):
        exact, pattern = kind == "= " and path == where, kind == "~ " and re.search(where, path)
        if exact or pattern or (kind == "" and where != "/" and path.startswith(where)):
            return True
    return False


def by_caddy(path: str) -> bool:
    """Whether Caddy would."""
    assert CADDY is not None
    globs = re.findall(r"handle (/\S+)", CADDY[1])
    globs += " ".join(re.findall(r"@\w+ path (.*)", CADDY[1])).split()
    return any(fnmatchcase(path, glob) for glob in globs)


async def test_the_proxies_let_clients_through_and_nobody_further(
    start_server: StartServer,
) -> None:
    server = await start_server(dev=False, **SETTINGS)
    routes = {route.canonical for route in server.app.router.resources()}
    paths = {re.sub(r"\{\w+\}", "x", route) for route in routes}
    assert paths > BACK | {"/graphql", "/webhooks/polar", "/downloads/x"}
    for path in paths:
        assert by_nginx(path) == by_caddy(path) == (path not in BACK), path


@pytest.mark.parametrize("most", [MOST_BYTES, *MOST_BYTES_OF.values()])
def test_the_proxies_let_the_largest_files_through(most: int) -> None:
    assert NGINX is not None
    assert CADDY is not None
    nginx = re.search(r"client_max_body_size (\d+)m; .*Figma", NGINX[1])
    caddy = re.search(r"handle @files \{\s*request_body \{\s*max_size (\d+)MB", CADDY[1])
    assert nginx is not None
    assert caddy is not None
    assert int(nginx[1]) << 20 >= most
    assert int(caddy[1]) * 1_000_000 >= most
