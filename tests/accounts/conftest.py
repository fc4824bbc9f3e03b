"""What tests of signing in share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.harness.accounts import Town, town
from tests.harness.api import StartServer
from tests.harness.post_office import PostOffice, post_office


@pytest.fixture
async def office() -> AsyncIterator[PostOffice]:
    """A post office."""
    async with post_office() as office:
        yield office


@pytest.fixture
async def here(start_server: StartServer, office: PostOffice) -> Town:
    """A server and its post office."""
    return await town(start_server, office)
