"""Two engines on a filled database, and those who ask."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle

import pytest

from app.postgres import EmbeddedPostgres
from models.accounts.users import User
from models.permissions import Role, Scope, permissions_of
from models.viewer import SIGNED_OUT, Viewer, viewer_of
from tests.harness.api import StartServer
from tests.harness.filled import filled_database
from tests.harness.filling import Filling, Size
from tests.plans.differential import Both

SIZE = Size(owners=3, projects=5, messages=8, conversations=2, more=2, visitors=2)


@pytest.fixture(scope="module")
def filled(postgres: EmbeddedPostgres, template_database: str) -> Iterator[tuple[str, Filling]]:
    """A filled database, and what is in it."""
    with filled_database(postgres, template_database, SIZE) as (name, filling):
        yield postgres.url(name), filling


@pytest.fixture
async def both(start_server: StartServer, filled: tuple[str, Filling]) -> Both:
    """The two engines on the filled database."""
    server = await start_server(filled[0], worker=False)
    return Both(server.services.ports)


@pytest.fixture
def viewers(filled: tuple[str, Filling]) -> list[Viewer]:
    """The owner of most rows, somebody signed out, another owner, an operator."""
    first, second = filled[1].users[:2]
    own, others = filled[1].orgs[0], filled[1].orgs[1:]
    roles = dict(zip(others, cycle(Role), strict=False)) | {own: Role.OWNER}
    operator = filled[1].ids[User][filled[1].users[2]][0]
    return [
        viewer_of(first),
        SIGNED_OUT,
        viewer_of(first),
        viewer_of(second, anonymous=True),
        viewer_of(operator, operator=True),
        viewer_of(first, roles=roles),
        viewer_of(second, roles={own: Role.BILLING}),
        viewer_of(second, roles={own: Role.VIEWER}),
        viewer_of(first, roles=roles, within=permissions_of([Scope.READ])),
    ]
