"""Permissions, and who holds which: data that `viewer.py` turns into the owners of a viewer.

Every row has one owner, a user or an organisation. A permission is held on an owner: by the user
themselves, or by an organisation's member through their role. A token for scripts holds what its
user holds, within its scopes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum


class Permission(StrEnum):
    """What may be done with what an owner has."""

    READ = "READ"
    WRITE = "WRITE"
    MOVE = "MOVE"
    READ_ORG = "READ_ORG"
    MANAGE_ORG = "MANAGE_ORG"
    MANAGE_MEMBERS = "MANAGE_MEMBERS"
    READ_AUDIT = "READ_AUDIT"
    BILLING = "BILLING"
    OWN = "OWN"
    READ_ACCOUNT = "READ_ACCOUNT"
    ACCOUNT = "ACCOUNT"
    OPERATE = "OPERATE"


MEANINGS: Mapping[Permission, str] = {
    Permission.READ: "Read projects, conversations and all in them.",
    Permission.WRITE: "Make, change and delete them.",
    Permission.MOVE: "Move them to another owner.",
    Permission.READ_ORG: "See the organisation and its members.",
    Permission.MANAGE_ORG: "Rename the organisation.",
    Permission.MANAGE_MEMBERS: "Invite and remove members, and change their roles.",
    Permission.READ_AUDIT: "Read the audit log.",
    Permission.BILLING: "See usage, subscriptions and customers, and set budgets.",
    Permission.OWN: "Delete the organisation or hand it on.",
    Permission.READ_ACCOUNT: "See one's account and what it is connected to.",
    Permission.ACCOUNT: "Act for oneself: join organisations, make tokens, say how one signs in.",
    Permission.OPERATE: "Run the service.",
}


class Role(StrEnum):
    """What a member is in an organisation."""

    OWNER = "owner"
    ADMIN = "admin"
    EDITOR = "editor"
    VIEWER = "viewer"
    BILLING = "billing"


_VIEWER = frozenset({Permission.READ_ORG, Permission.READ})
_EDITOR = _VIEWER | {Permission.WRITE}
_BILLING = frozenset({Permission.READ_ORG, Permission.BILLING})
_ADMIN = (
    _EDITOR
    | _BILLING
    | {
        Permission.MOVE,
        Permission.MANAGE_ORG,
        Permission.MANAGE_MEMBERS,
        Permission.READ_AUDIT,
    }
)
ROLES: Mapping[Role, frozenset[Permission]] = {
    Role.OWNER: _ADMIN | {Permission.OWN},
    Role.ADMIN: _ADMIN,
    Role.EDITOR: _EDITOR,
    Role.VIEWER: _VIEWER,
    Role.BILLING: _BILLING,
}
"""What a member of an organisation holds on it."""

GUEST = frozenset(
    {
        Permission.READ,
        Permission.WRITE,
        Permission.MOVE,
        Permission.BILLING,
        Permission.READ_AUDIT,
        Permission.READ_ACCOUNT,
    }
)
PERSON = GUEST | {Permission.ACCOUNT}
"""What a guest, and a user with an account, hold on themselves."""


class Scope(StrEnum):
    """What a token for scripts is good for."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"
    BILLING = "billing"


SCOPES: Mapping[Scope, frozenset[Permission]] = {
    Scope.READ: _VIEWER | {Permission.READ_ACCOUNT},
    Scope.WRITE: _EDITOR | {Permission.READ_ACCOUNT},
    Scope.ADMIN: _ADMIN - _EDITOR - _BILLING | {Permission.READ_ORG},
    Scope.BILLING: _BILLING,
}
"""No scope lets a script own, act for its user's account, or run the service."""


def permissions_of(scopes: Iterable[Scope]) -> frozenset[Permission]:
    """What several scopes allow together."""
    return frozenset[Permission]().union(*(SCOPES[scope] for scope in scopes))
