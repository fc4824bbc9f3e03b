"""`docs/permissions.md` is what the role table and the schema say."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from app.permissions_page import page
from models.permissions import MEANINGS, ROLES, SCOPES, Permission, Role, Scope

ROOT = Path(__file__).parents[2]


def test_the_page_is_current() -> None:
    written = (ROOT / "docs" / "permissions.md").read_text(encoding="utf-8")
    assert written == page(), "write it anew with `make docs`"


def test_the_tables_are_whole() -> None:
    assert set(MEANINGS) == set(Permission)
    assert set(ROLES) == set(Role)
    assert set(SCOPES) == set(Scope)


def test_roles_are_ordered() -> None:
    """Owner over admin over editor over viewer; billing beside the last two."""
    line = (Role.OWNER, Role.ADMIN, Role.EDITOR, Role.VIEWER)
    for above, below in pairwise(line):
        assert ROLES[above] > ROLES[below]
    assert ROLES[Role.ADMIN] > ROLES[Role.BILLING]
    assert not ROLES[Role.EDITOR] >= ROLES[Role.BILLING]
    assert ROLES[Role.BILLING] == {Permission.READ_ORG, Permission.BILLING}


def test_no_role_or_scope_gives_what_is_a_users_own() -> None:
    for held in (*ROLES.values(), *SCOPES.values()):
        assert not held & {Permission.ACCOUNT, Permission.OPERATE}
    assert not any(Permission.OWN in held for held in SCOPES.values())
