"""The check of schema.graphql against the last release, run as `make check` runs it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHECK = ROOT / ".ci" / "breaking_changes.py"


def run(root: Path) -> tuple[int, str]:
    """The exit code and what was printed."""
    done = subprocess.run(  # noqa: S603 - our own argument list, no shell
        [sys.executable, str(CHECK), str(root)], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A copy of what the check reads, released just now."""
    (tmp_path / "docs" / "releases").mkdir(parents=True)
    shutil.copy(ROOT / "schema.graphql", tmp_path)
    shutil.copy(ROOT / "schema.graphql", tmp_path / "docs" / "releases" / "schema-0.9.0.graphql")
    (tmp_path / "docs" / "releases" / "breaking.toml").touch()
    return tmp_path


def edit(root: Path, old: str, new: str) -> None:
    schema = root / "schema.graphql"
    text = schema.read_text()
    assert old in text
    schema.write_text(text.replace(old, new))


def test_this_schema_breaks_nobody() -> None:
    assert run(ROOT) == (0, "")


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("showcased: Boolean!\n", "shown: Boolean!\n", "showcased was removed"),
        ("showcased: Boolean!\n", "showcased: Boolean\n", "Boolean! to Boolean"),
        ("PageInfo", "Pages", "PageInfo was removed"),
        (
            "input SendMessageInput {",
            "input SendMessageInput {\n  more: Int!",
            "SendMessageInput.more",
        ),
        ("  SVELTE\n", "  SVELTEKIT\n", "SVELTE was removed"),
    ],
)
def test_a_broken_schema_is_refused(root: Path, old: str, new: str, named: str) -> None:
    edit(root, old, new)
    code, text = run(root)
    assert code == 1
    assert text.startswith("breaks schema-0.9.0: ")
    assert named in text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("showcased: Boolean!\n", 'showcased: Boolean! @deprecated(reason: "Unused.")\n'),
        ("input SendMessageInput {", "input SendMessageInput {\n  more: Int"),
        ("type PageInfo {", "type PageInfo {\n  more: Int"),
    ],
)
def test_to_deprecate_and_to_add_is_fine(root: Path, old: str, new: str) -> None:
    edit(root, old, new)
    assert run(root) == (0, "")


def test_a_break_may_be_listed_with_a_reason(root: Path) -> None:
    edit(root, "  SVELTE\n", "  SVELTEKIT\n")
    change = run(root)[1].partition(": ")[2].strip()
    listed = root / "docs" / "releases" / "breaking.toml"
    listed.write_text(f'[[accepted]]\nchange = "{change}"\nreason = ""\n')
    assert run(root)[0] == 1
    listed.write_text(f'[[accepted]]\nchange = "{change}"\nreason = "Nobody uses it."\n')
    assert run(root) == (0, "")


def test_a_listed_break_that_is_none_is_refused(root: Path) -> None:
    listed = root / "docs" / "releases" / "breaking.toml"
    listed.write_text('[[accepted]]\nchange = "A.b was removed."\nreason = "It was bad."\n')
    assert run(root) == (1, "listed, but breaks nothing: A.b was removed.\n")


def test_versions_are_compared_as_numbers(root: Path) -> None:
    releases = root / "docs" / "releases"
    (releases / "schema-0.10.0.graphql").write_text("type Query { newer: Int }")
    code, text = run(root)
    assert code == 1
    assert text.startswith("breaks schema-0.10.0: ")
