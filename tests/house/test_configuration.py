"""`docs/configuration.md` is what the settings say, and they say something of each."""

from __future__ import annotations

from pathlib import Path

from app.config import Settings
from app.configuration import reference

ROOT = Path(__file__).parents[2]


def test_the_page_is_current() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert page == reference(), "write it anew with `make docs`"


def test_every_setting_is_described_in_a_sentence() -> None:
    described = {name: field.description or "" for name, field in Settings.model_fields.items()}
    assert [name for name, text in described.items() if not text.endswith((".", "`"))] == []
    lines = reference().splitlines()
    for name in described:
        assert len([line for line in lines if f"| `PUNNET_{name.upper()}` |" in line]) == 1
