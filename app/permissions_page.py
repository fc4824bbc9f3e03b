"""`docs/permissions.md`, written from the role table and the schema, so always current."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from graphql_schema.permissions import NODE, needs
from models.permissions import GUEST, MEANINGS, PERSON, ROLES, SCOPES, Permission

_HEAD = """\
<!-- Written by `make docs` from models/permissions.py and the schema; change it there. -->
# Permissions

Every row belongs to a user or to an organisation. What somebody may do with it is a permission on
that owner: a user holds theirs on themselves, a member holds those of their role on the
[organisation](organisations.md), and a token for scripts holds what its user does, within its
scopes. Nothing else decides.

Who lacks the permission, but may read the row, is told FORBIDDEN; to all others the row is not
there: null, an empty list, or NOT_FOUND.
"""
_FIELDS = """
## Fields

What each way in needs on the owner of the rows it is asked for, and which members of an
organisation have that. A dash means that it is open to all, or only about who asks. `node` gives a
row of any type by its id, and so do all links to it.
"""


def page() -> str:
    """The whole page, in Markdown."""
    holders = {role.value: held for role, held in ROLES.items()}
    users = {"user": PERSON, "guest": GUEST}
    scopes = {scope.value: held for scope, held in SCOPES.items()}
    parts = [
        _HEAD,
        *_permissions(),
        "",
        "## Roles, and users on what is theirs",
        "",
        *_held(holders | users),
        "",
        "## Scopes of tokens",
        "",
        *_held(scopes),
        _FIELDS,
        *_fields(holders),
        "",
    ]
    return "\n".join(parts)


def _permissions() -> Iterator[str]:
    yield "| permission | lets one |"
    yield "|---|---|"
    for permission, meaning in MEANINGS.items():
        yield f"| `{permission}` | {meaning[0].lower()}{meaning[1:-1]} |"


def _held(holders: Mapping[str, frozenset[Permission]]) -> Iterator[str]:
    yield f"| permission | {' | '.join(holders)} |"
    yield f"|---|{':-:|' * len(holders)}"
    for permission in Permission:
        yield f"| `{permission}` | {_marks(permission, holders)} |"


def _fields(holders: Mapping[str, frozenset[Permission]]) -> Iterator[str]:
    yield f"| field | needs | {' | '.join(holders)} |"
    yield f"|---|---|{':-:|' * len(holders)}"
    for name, need in sorted(needs().items(), key=lambda entry: (NODE in entry[0], entry[0])):
        told = "—" if need is None else f"`{need}`"
        yield f"| `{name}` | {told} | {_marks(need, holders)} |"


def _marks(need: Permission | None, holders: Mapping[str, frozenset[Permission]]) -> str:
    return " | ".join("✓" if need is None or need in held else "" for held in holders.values())
