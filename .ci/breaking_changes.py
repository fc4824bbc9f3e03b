"""Fail when schema.graphql breaks clients of the last release, unless breaking.toml says why.

    python .ci/breaking_changes.py [ROOT]

The last release is the highest `docs/releases/schema-<version>.graphql`. To deprecate, and to add
what nobody needs to give, breaks nothing.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from graphql import build_schema
from graphql.utilities import find_breaking_changes


def last_release(folder: Path) -> Path:
    """The SDL of the highest version; versions are numbers with dots between."""
    found = {path: path.stem.removeprefix("schema-") for path in folder.glob("schema-*.graphql")}
    return max(found, key=lambda path: [int(part) for part in found[path].split(".")])


def breaking(old: str, new: str) -> list[str]:
    """What a client of the old SDL may stumble over in the new one."""
    changes = find_breaking_changes(build_schema(old), build_schema(new))
    return sorted(change.description for change in changes)


def accepted(file: Path) -> dict[str, str]:
    """Change → reason of the listed changes. Raises KeyError for an entry that lacks either."""
    listed = tomllib.loads(file.read_text()).get("accepted", [])
    return {entry["change"]: entry["reason"] for entry in listed}


def complaints(root: Path) -> list[str]:
    """What is wrong, a line each; nothing when all is well."""
    releases = root / "docs" / "releases"
    release = last_release(releases)
    found = breaking(release.read_text(), (root / "schema.graphql").read_text())
    reasons = accepted(releases / "breaking.toml")
    breaks = [f"breaks {release.stem}: {change}" for change in found if not reasons.get(change)]
    stale = [f"listed, but breaks nothing: {c}" for c in reasons if c not in found]
    return breaks + stale


def main() -> int:
    """Print the complaints; 1 when there are any."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1]
    wrong = complaints(root)
    sys.stdout.writelines(f"{line}\n" for line in wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
