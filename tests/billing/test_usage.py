"""Credits: exact, bounded, and one row for each user."""

from __future__ import annotations

from decimal import Decimal

import pytest

from models.billing.usage import Usage
from models.errors import Conflict, Invalid
from tests.harness.api import Server, StartServer
from tests.harness.planting import alter, plant
from tests.harness.verbs import id_of

MOST = Decimal("99999999999999.9999")


@pytest.fixture
async def still(start_server: StartServer) -> Server:
    """A server on which nothing happens by itself."""
    return await start_server(worker=False)


async def test_points_are_exact(still: Server) -> None:
    user = await id_of(still.user())
    usage = await plant(still, Usage, user_id=user, points=Decimal(0))
    for text in ("0.1", "0.3", "-0.5", "2.0001", str(MOST), str(-MOST)):
        await alter(still, Usage, usage, points=Decimal(text), granted=Decimal(text))
        (row,) = await still.sql("SELECT points FROM usage")
        assert row["points"] == Decimal(text)
        shown = (await still.user().run("{ usage { points } }"))["usage"]["points"]
        assert shown == float(text)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e14", "-1e14", "0.00001"])
async def test_points_that_do_not_fit_are_refused(still: Server, text: str) -> None:
    with pytest.raises(Invalid) as refused:
        await plant(still, Usage, user_id="usr_1", points=Decimal(text))
    assert refused.value.field == "points"
    assert await still.sql("SELECT id FROM usage") == []


async def test_a_user_has_one_row(still: Server) -> None:
    await plant(still, Usage, user_id="usr_1", **_left(1))
    with pytest.raises(Conflict):
        await plant(still, Usage, user_id="usr_1", **_left(2))


def _left(points: int) -> dict[str, Decimal]:
    return {"points": Decimal(points), "granted": Decimal(points)}
