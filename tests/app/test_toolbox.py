"""The tools of a process, which does not start with what is no tool."""

from __future__ import annotations

import json

import pytest

from tests.harness.commands import punnet
from tests.harness.tools import TOOLS


@pytest.mark.parametrize(
    ("tools", "why"),
    [
        (["tests.harness.tools:nobody"], "There is no tool 'tests.harness.tools:nobody'"),
        (["tests.harness.tools:lines"], "'tests.harness.tools:lines' is no tool."),
        (TOOLS[:1] * 2, "The tool 'add' needs a name of its own."),
        (["tests.harness.tools:no_schema"], "'no_schema' are no JSON Schema: 'text' is not valid"),
    ],
)
async def test_nothing_starts_with_what_is_no_tool(
    database: str, tools: list[str], why: str
) -> None:
    ended = await punnet("worker", url=database, tools=json.dumps(tools))
    assert ended.code != 0
    assert why in ended.err + ended.out
