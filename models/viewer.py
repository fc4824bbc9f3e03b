"""Who is asking, and whose rows that lets them reach."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from models.errors import Forbidden, Unauthenticated


class Permission(StrEnum):
    """What a role may allow on the rows of an owner."""

    READ = "READ"
    WRITE = "WRITE"
    OPERATE = "OPERATE"


SYSTEM = "system"
"""Stands for the owner of rows that belong to nobody; operators hold OPERATE on them."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """The one who sends a request.

    `owners` maps each permission to the owners (`usr_…`, later `org_…`) on whose rows the viewer
    holds it. `expires_at` is when the token ends, None for one that does not. `session_id` is the
    session it is of, None for another kind of token.
    """

    user_id: str | None = None
    anonymous: bool = False
    owners: Mapping[Permission, tuple[str, ...]] = field(
        default_factory=dict[Permission, tuple[str, ...]]
    )
    expires_at: datetime | None = None
    session_id: str | None = None

    @property
    def signed_in(self) -> bool:
        """Whether there is a user at all, guests included."""
        return self.user_id is not None

    @property
    def kind(self) -> str:
        """What may be told of the viewer where nobody may be named."""
        if self.user_id is None:
            return "signed out"
        return "guest" if self.anonymous else "user"

    @property
    def id(self) -> str:
        """The user's id. Raises Unauthenticated when signed out."""
        if self.user_id is None:
            raise Unauthenticated("Sign in to do this.")
        return self.user_id

    def owners_with(self, permission: Permission) -> tuple[str, ...]:
        """The owners on whose rows the viewer holds `permission`."""
        return self.owners.get(permission, ())

    def owners_of(self, permissions: Iterable[Permission]) -> list[tuple[str, ...]]:
        """The same for several, in their order."""
        return [self.owners.get(permission, ()) for permission in permissions]

    @property
    def operates(self) -> bool:
        """Whether the viewer reaches the rows that belong to nobody."""
        return SYSTEM in self.owners_with(Permission.OPERATE)

    def require(self, permission: Permission, owner: str) -> None:
        """Raise Forbidden unless the viewer holds `permission` on the rows of `owner`."""
        if owner not in self.owners_with(permission):
            raise Forbidden("You may not do this here.")


SIGNED_OUT = Viewer()


def viewer_of(
    user_id: str,
    *,
    anonymous: bool = False,
    operator: bool = False,
    expires_at: datetime | None = None,
    session_id: str | None = None,
) -> Viewer:
    """The viewer who is the user `user_id` and reaches that user's rows."""
    own = (user_id,)
    owners = {
        Permission.READ: own,
        Permission.WRITE: own,
        Permission.OPERATE: (SYSTEM,) if operator else (),
    }
    return Viewer(user_id, anonymous, owners, expires_at, session_id)
