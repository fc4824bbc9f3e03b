"""Random queries: by plans as by graphql-core, also where something below them fails.

One round of 500 requests is part of `make test`, a hundred of them are `make fuzz`.
"""

from __future__ import annotations

import os
import re
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis_graphql import nodes, queries
from structlog.testing import capture_logs

from graphql_schema.schema import graphql_core_schema, sdl
from models.packages import record_models
from models.viewer import Viewer
from tests.harness.filling import Filling
from tests.plans.differential import Both
from tests.plans.faults import Failing, Torn, broken_schema
from tests.plans.fitting import Fitting
from tests.plans.grammar import Asked, asked

STRATEGIC = 100
"""Requests of a round that hypothesis-graphql makes, which takes it long."""
GRAMMATICAL = 400
"""Those that are written from the schema with all that the language has."""

# Other numbers than those of `make test` ask other queries.
SEED = int(os.environ.get("FUZZ_SEED", "0"))
ROUNDS = int(os.environ.get("FUZZ_ROUNDS", "1"))
TABLES = ("project", "conversation", "message", "attachment", "fragment", "agent_run")


def strategic(number: int) -> list[Asked]:
    """Requests by hypothesis-graphql, the same ones for the same number."""
    found: list[Asked] = []
    rows = st.tuples(st.integers(0, 9), st.sampled_from([m.prefix for m in record_models()]))
    scalars = {
        "ID": rows.map(lambda row: nodes.String(f"@{row[0]} {row[1]}")),
        "JSON": st.just(nodes.String("x")),
        "DateTime": st.just(nodes.String("2026-01-31T12:00:00.000Z")),
    }

    @settings(
        max_examples=STRATEGIC,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @seed(number)
    @given(queries(sdl(), custom_scalars=scalars, allow_x00=False))
    def generate(document: str) -> None:
        found.append(Asked(re.sub(r"\b(first|last): -?\d+", _small, document), None, {}))

    generate()
    return found


def _small(found: re.Match[str]) -> str:
    """A page that is not refused."""
    return f"{found[1]}: {int(found[0].split()[1]) % 12}"


@pytest.mark.parametrize("number", range(SEED, SEED + ROUNDS))
async def test_random_queries(
    both: Both, filled: tuple[str, Filling], viewers: list[Viewer], number: int
) -> None:
    requests = [*strategic(number), *asked(graphql_core_schema(), number, GRAMMATICAL)]
    engines, fitting, seen = faulty(both), Fitting(filled[1]), Counter[str]()
    for place, request in enumerate(requests):
        sound = place % 2 == 0
        engine = both if sound else engines[place // 2 % len(engines)]
        viewer = viewers[place // 3 % len(viewers)]
        one = fitting.asked(request)
        with capture_logs():  # a fault is a long story
            planned, plain = await engine.answers(one.document, viewer, one.variables, one.name)
        assert planned.same_as(plain), (number, one, viewer, planned, plain)
        if sound:
            fitting.learn(plain.data)
        seen["answered"] += sound and len(plain.data) > 40
        seen["failed"] += not sound and bool(plain.errors)
    # Else they would not get far enough to find a difference.
    assert seen["answered"] > len(requests) // 4, seen
    assert seen["failed"] > len(requests) // 20, seen
    assert sum(both.left.values()) < len(requests) // 4, both.left
    assert not both.left["a defect"]


def faulty(both: Both) -> list[Both]:
    """The same engines where something fails."""
    return [
        *(both.over(Failing(both.ports.database, table)) for table in TABLES),
        both.over(Torn(both.ports.database)),
        Both(both.ports, broken_schema()),
    ]
