"""Who is asking, and whose rows that lets them reach."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from models.errors import Forbidden, NotFound, Unauthenticated
from models.permissions import GUEST, PERSON, ROLES, Permission, Role

SYSTEM = "system"
"""Stands for the owner of rows that belong to nobody; operators hold OPERATE on them."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """The one who sends a request.

    `owners` maps each permission to the owners (`usr_…`, `org_…`) on whose rows the viewer holds
    it. `expires_at` is when the token ends, None for one that does not. `session_id` is the session
    and `token_id` the token for scripts that the request came with, None for another kind of token;
    `within` is all that the scopes of the latter allow.
    """

    user_id: str | None = None
    anonymous: bool = False
    owners: Mapping[Permission, tuple[str, ...]] = field(
        default_factory=dict[Permission, tuple[str, ...]]
    )
    expires_at: datetime | None = None
    session_id: str | None = None
    token_id: str | None = None
    within: frozenset[Permission] | None = None

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

    @property
    def reader(self) -> str | None:
        """Who reads what others share: the user, but for guests, whom anybody can be, and scripts
        that may not read."""
        may_read = self.user_id in self.owners_with(Permission.READ)
        return self.user_id if may_read and not self.anonymous else None

    @property
    def rests_on(self) -> tuple[str | None, ...]:
        """The rows without which the viewer is nobody: the user, and what they came with."""
        return self.user_id, self.session_id, self.token_id

    def owners_with(self, permission: Permission) -> tuple[str, ...]:
        """The owners on whose rows the viewer holds `permission`."""
        return self.owners.get(permission, ())

    def holds(self, permission: Permission, owner: str) -> bool:
        """Whether the viewer holds `permission` on the rows of `owner`."""
        return owner in self.owners_with(permission)

    def reaches_any(self, owners: Iterable[str]) -> bool:
        """Whether the viewer holds anything on one of `owners`."""
        reached = {owner for held in self.owners.values() for owner in held}
        return not reached.isdisjoint(owners)

    def owners_of(self, permissions: Iterable[Permission]) -> list[tuple[str, ...]]:
        """The same for several, in their order."""
        return [self.owners.get(permission, ()) for permission in permissions]

    @property
    def operates(self) -> bool:
        """Whether the viewer reaches the rows that belong to nobody."""
        return SYSTEM in self.owners_with(Permission.OPERATE)

    def require(self, permission: Permission, owner: str, *, field: str | None = None) -> None:
        """Raise unless the viewer holds `permission` on the rows of `owner`.

        Forbidden to who holds something else there; to all others the owner is NotFound.
        """
        if self.holds(permission, owner):
            return
        if owner == SYSTEM or self.reaches_any((owner,)):
            raise Forbidden(REFUSAL, field=field)
        raise NotFound("There is no such thing, or it is not yours.", field=field)


REFUSAL = "You may not do this here."
SIGNED_OUT = Viewer()


def viewer_of(
    user_id: str,
    *,
    anonymous: bool = False,
    operator: bool = False,
    expires_at: datetime | None = None,
    roles: Mapping[str, Role] | None = None,
    session_id: str | None = None,
    token_id: str | None = None,
    within: frozenset[Permission] | None = None,
) -> Viewer:
    """The viewer who is the user `user_id`, with `roles` in organisations, by their ids."""
    held = {user_id: GUEST if anonymous else PERSON}
    held |= {org: ROLES[role] for org, role in (roles or {}).items()}
    if operator:
        held[SYSTEM] = frozenset({Permission.OPERATE})
    owners = {
        permission: tuple(owner for owner, allowed in held.items() if permission in allowed)
        for permission in Permission
        if within is None or permission in within
    }
    return Viewer(user_id, anonymous, owners, expires_at, session_id, token_id, within)
