"""`docs/persisted-documents.md` shows the clients that are run, and what the code answers."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from graphql_schema.core import persisted
from graphql_schema.core.persisted import Outcome
from models.errors import ErrorCode

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "persisted-documents.md").read_text(encoding="utf-8")
CLIENTS = ROOT / "tests" / "clients" / "persisted"
SHOWN = sorted(path for path in CLIENTS.iterdir() if path.suffix in {".mjs", ".json"})


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.name)
def test_the_page_shows_what_the_clients_tests_run(path: Path) -> None:
    language = "json" if path.suffix == ".json" else "js"
    assert f"```{language}\n{path.read_text(encoding='utf-8')}```\n" in PAGE


def test_there_are_clients_to_show() -> None:
    names = {path.stem.partition("-")[0] for path in SHOWN}
    assert names >= {"apollo", "urql", "relay.config", "codegen", "relay"}


def test_the_page_names_every_outcome_and_answer() -> None:
    counted = PAGE.partition("## What is counted")[2]
    assert [outcome for outcome in get_args(Outcome) if f"`{outcome}`" not in counted] == []
    codes = [code for code in ErrorCode if code.startswith("PERSISTED")]
    assert len(codes) == 2
    assert [code for code in codes if f"`{code}`" not in PAGE] == []


def test_the_page_tells_the_bound_in_bytes() -> None:
    assert f"{persisted.REGISTERED_BYTES >> 20} MiB\nof text" in PAGE
