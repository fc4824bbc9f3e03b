"""`docs/plans.md` shows what `punnet explain` prints and what the server tells."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.harness.api import Server, StartServer
from tests.harness.commands import punnet

PAGE = (Path(__file__).parents[2] / "docs" / "plans.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"^```(text|json)\n(.*?)^```$", PAGE, re.M | re.S))
COMMAND = re.compile(r"^punnet (explain .*)$", re.M)
MILLISECONDS = re.compile(r"[\d.]+ ms$", re.M)
POSTGRES = re.compile(r"\(cost=|^[│ ]*(?:->|[A-Z][A-Za-z ]+: |READS ALL OF)")


@pytest.fixture
async def server(start_server: StartServer) -> Server:
    """Two projects of the demo user with two runs each."""
    server = await start_server(worker=False)
    api = server.user("demo")
    for name in ("One", "Two"):
        made = await api.do("createProject", "{ project { id } }", name=name, framework="VUE")
        for value in ("a", "b"):
            id = made["project"]["id"]
            await api.do("enqueueAgentRun", "{ agentRun { id } }", projectId=id, value=value)
    return server


def ours(output: str) -> list[str]:
    """The lines that are not PostgreSQL's, whose plans differ by version; times left out."""
    lines = MILLISECONDS.sub("ms", output).splitlines()
    return [line.rstrip() for line in lines if POSTGRES.search(line) is None]


async def test_the_example_is_what_the_command_prints(server: Server, database: str) -> None:
    (example,) = COMMAND.findall(PAGE)
    ended = await punnet(*shlex.split(example), url=database)
    assert (ended.code, ended.err) == (0, "")
    assert ours(ended.out) == ours(BLOCKS["text"]), ended.out
    assert len(ours(ended.out)) + 4 < len(ended.out.splitlines()), "some are PostgreSQL's"


def timeless(value: Any) -> Any:
    """JSON without the times."""
    if isinstance(value, dict):
        return {name: timeless(one) for name, one in value.items() if name != "milliseconds"}
    return [timeless(one) for one in value] if isinstance(value, list) else value


async def test_the_example_is_what_the_server_tells(server: Server) -> None:
    api = server.user("demo")
    body = {"query": "{ me { name } }", "extensions": {"plan": True}}
    async with api.session.post(api.url, json=body, headers=api.headers) as response:
        answer = await response.json(content_type=None)
    assert timeless(answer) == timeless(json.loads(BLOCKS["json"])), json.dumps(answer)
    assert "milliseconds" in BLOCKS["json"]
