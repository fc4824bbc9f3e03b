"""Random valid operations of the whole schema: answers or coded errors, never a defect."""

from __future__ import annotations

import re
from functools import cache

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import from_schema, nodes

from graphql_schema.schema import sdl
from tests.harness.api import Api, StartServer
from tests.harness.ownership import World, make_world

EXAMPLES = 60
ROWS = (
    "user", "project", "conversation", "message", "reply", "attachment", "fragment", "draft",
    "snapshot", "run", "claimed", "quiet", "nothing",
)  # fmt: skip
FILES = nodes.Object([])


@cache
def documents() -> list[str]:
    """Operations with `@project` and the like for ids; the same in every run."""
    found: list[str] = []
    scalars = {
        "ID": st.sampled_from(ROWS).map(lambda row: nodes.String(f"@{row}")),
        "JSON": st.sampled_from(["x", ""]).map(nodes.String) | st.just(FILES),
        "DateTime": st.just(nodes.String("2026-01-31T12:00:00.000Z")),
    }

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(from_schema(sdl(), custom_scalars=scalars, allow_x00=False))
    def generate(document: str) -> None:
        found.append(document)

    generate()
    return found


async def test_random_operations_are_answered(start_server: StartServer) -> None:
    server = await start_server(worker=False)
    codes: dict[str, int] = {}
    for number, document in enumerate(documents()):
        if number % 20 == 0:
            ada, eve = server.user(f"ada-{number}"), server.user(f"eve-{number}")
            world = await make_world(server, ada)
        for viewer in (eve, ada):
            for code in await _codes(viewer, world, document) or ["none"]:
                codes[code] = codes.get(code, 0) + 1
    # Some sign out or erase who asks, and are asked again.
    expected = {
        "UNAUTHENTICATED",
        "none",
        "NOT_FOUND",
        "INVALID",
        "CONFLICT",
        "TOO_COSTLY",
        "BAD_REQUEST",
    }
    assert set(codes) <= expected, codes
    # Else they would not get far enough to find a defect.
    assert codes["none"] > EXAMPLES // 4, codes


async def _codes(viewer: Api, world: World, document: str) -> list[str]:
    """The codes of an operation's errors."""

    def row(found: re.Match[str]) -> str:
        return world.ids.get(found[1], "prj_" + "0" * 26)

    response = await viewer.ask(re.sub(r"@([a-z]+)", row, document))
    errors = response.get("errors", [])
    assert all(error["extensions"]["code"] != "INTERNAL" for error in errors), (document, errors)
    return [error["extensions"]["code"] for error in errors]
