"""Refusals that must leave everything as it was."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.harness.api import Api, Refused, Server
from tests.harness.verbs import all_rows, log_end


@asynccontextmanager
async def unchanged(server: Server) -> AsyncIterator[None]:
    """What happens in here writes no row and no note."""
    before, end = await all_rows(server), await log_end(server)
    yield
    assert await all_rows(server) == before
    assert await log_end(server) == end


async def refusal(caller: Api, mutation: str, **given: Any) -> tuple[str, str | None]:
    """The code and the field of a mutation's refusal."""
    with pytest.raises(Refused) as refused:
        await caller.do(mutation, "{ __typename }", **given)
    extensions = refused.value.errors[0]["extensions"]
    return extensions["code"], extensions.get("field")
