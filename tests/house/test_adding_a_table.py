"""`docs/adding-a-table.md` is true: its files go into a copy, its commands run, its test passes."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.postgres import EmbeddedPostgres

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adding-a-table.md").read_text(encoding="utf-8")

FILE = re.compile(r"^`(?P<path>[\w/]+\.py)`\n\n```python\n(?P<code>.*?)^```$", re.M | re.S)
FIELD = re.compile(
    r"^`(?P<path>[\w/]+\.py)`, in `class (?P<name>\w+)`\n\n```python\n(?P<code>.*?)^```$",
    re.M | re.S,
)
IMPORT = re.compile(r"under `TYPE_CHECKING`.*?```python\n(?P<code>.*?)^```$", re.M | re.S)
COMMANDS = re.compile(r"^```sh\n(?P<lines>.*?)^```$", re.M | re.S)

COPIED = ("app", "graphql_schema", "models", "tests", "Makefile", "pyproject.toml")
UNNEEDED = shutil.ignore_patterns("__pycache__", "node_modules", "clients", "browser")
HOUSE_RULES = ["tests/test_schema.py", "tests/test_architecture.py", "tests/core/test_catalogue.py"]
"""Tests that hold for any table, without a line for it."""
CHOSEN = "test_schema or test_architecture or as_declared or beginning"
"""Of the catalogue's tests those of the catalogue, not of how databases are migrated."""


def run(copy: Path, *command: str) -> str:
    """What a command prints in the copy, with the names that the page uses for our tools."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PUNNET_", "PYTEST_"))}
    done = subprocess.run(  # noqa: S603 - the page's commands, no shell
        command,
        cwd=copy,
        env=environment | {"PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def make(copy: Path, target: str) -> None:
    """`make target` with this Python, which has all that make would install."""
    run(copy, "make", "-o", ".venv/runs", f"PY={sys.executable}", target)


def insert(file: Path, line: int, code: str) -> None:
    """Put code after a line of a file."""
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join([*lines[:line], code, *lines[line:]]))


def add_to_parent(copy: Path) -> None:
    """The field at the end of its class, then the import at the end of those above it."""
    field, imported = FIELD.search(PAGE), IMPORT.search(PAGE)
    assert field
    assert imported
    file = copy / field["path"]
    body = ast.parse(file.read_text()).body
    (parent,) = [s for s in body if isinstance(s, ast.ClassDef) and s.name == field["name"]]
    (checked,) = [s for s in body if isinstance(s, ast.If)]
    insert(file, parent.end_lineno or 0, field["code"])
    insert(file, checked.end_lineno or 0, imported["code"])


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Path]:
    """The repository with the page's code in it."""
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=UNNEEDED)
        else:
            shutil.copy(ROOT / name, tmp_path)
    for found in FILE.finditer(PAGE):
        path = tmp_path / found["path"]
        assert not path.exists(), "the example must be a table that Punnet does not have"
        path.write_text(found["code"])
    add_to_parent(tmp_path)
    yield tmp_path
    EmbeddedPostgres(tmp_path / ".punnet" / "scratch" / "postgres").remove()


def test_following_the_page_adds_a_table(copy: Path) -> None:
    files = [found["path"] for found in FILE.finditer(PAGE)]
    assert len(files) == 3
    commands = COMMANDS.search(PAGE)
    assert commands
    told = [line.split("#")[0].strip() for line in commands["lines"].splitlines()]
    assert told == ["make migrations", "make schema", "make check",
                    f".venv/bin/python -m pytest {files[-1]}"]  # fmt: skip
    make(copy, "migrations")
    make(copy, "schema")
    assert "notes(" in (copy / "schema.graphql").read_text()
    ruff = str(Path(sys.executable).with_name("ruff"))
    run(copy, ruff, "check", "--no-cache", *files, FIELD.search(PAGE)["path"])  # type: ignore[index]
    run(copy, ruff, "format", "--no-cache", "--check", *files)
    chosen = f"{Path(files[-1]).stem} or {CHOSEN}"
    run(copy, sys.executable, "-m", "pytest", "-q", files[-1], *HOUSE_RULES, "-k", chosen)
