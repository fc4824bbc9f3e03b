"""Organisations: owners of rows that several users share, each by a role."""

from __future__ import annotations

import re
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from models import fields
from models.access import Owned
from models.accounts.audit_logs import AuditAction, audit
from models.base import Record
from models.errors import Conflict, Invalid, NotFound
from models.hooks import Hook
from models.indexes import unique
from models.permissions import Permission
from models.verbs import verb
from models.viewer import SYSTEM

if TYPE_CHECKING:
    from models.transaction import Transaction

FREE = "free"
SLUG = re.compile(r"(?=.{3,50}$)[a-z0-9]+(?:-[a-z0-9]+)*")
RESERVED = frozenset(
    """
    about account admin api app billing blog dashboard docs graphql help invite login logout me
    new org organisation organization orgs pricing project projects public settings signin
    signup static status support system team user users www
    """.split()  # noqa: SIM905 - a list of 40 quoted words is harder to read
)
"""Slugs that sites want for pages of their own."""


class Org(Record):
    """An organisation, whose members share its projects and conversations."""

    prefix = "org"
    access = Owned("id", read=Permission.READ_ORG)
    indexes = (unique("slug", where="(deleted_at IS NULL)"),)

    name: str = fields.text("Its name.", limit=200)
    slug: str = fields.key("Its name in addresses: letters, digits and hyphens, its own.")
    owner_user_id: str = fields.key("Id of the owner who answers for it.")
    plan: str = fields.key("The plan it is on.")
    limits: Any = fields.json("What the plan allows, as numbers by name.", default={})
    deleted_at: datetime | None = fields.moment("When it was deleted.", null=True)

    class Meta:
        table = "org"

    @verb.needing(Permission.MANAGE_ORG)
    async def update(self, tx: Transaction, **changed: Any) -> Org:
        """Change the name or the slug. Raises Invalid or Conflict for a slug that won't do."""
        self.check(changed)
        if changed.get("slug", self.slug) != self.slug:
            await refuse_slug(tx, changed["slug"])
        await self.change(**changed)
        await audit(tx, AuditAction.ORG_CHANGED, self, **changed)
        return self

    @verb.needing(Permission.OWN)
    async def delete(self, tx: Transaction) -> str:  # pyright: ignore[reportIncompatibleMethodOverride] - hides Tortoise's own on purpose
        """Hide it and all that it owns at once; a job empties it later. Returns its id."""
        await self.change(deleted_at=tx.now)
        await audit(tx, AuditAction.ORG_DELETED, self, name=self.name, slug=self.slug)
        await org_deleted(tx, self)
        return self.id


org_deleted: Hook[Transaction, Org] = Hook()
"""An organisation was hidden; what it owns is to go."""


@dataclass(frozen=True, slots=True)
class NewOrg:
    """What a new organisation starts with; without a slug it gets one like its name."""

    name: str
    slug: str | None = None


@verb.needing(Permission.OPERATE)
async def set_org_plan(tx: Transaction, org_id: str, plan: str, limits: Any) -> Org:
    """Put an organisation on a plan with limits, whole numbers by name. For operators."""
    tx.require(SYSTEM)
    org = await find_org(tx, org_id, field="id")
    allowed = _limits(limits)
    await org.change(plan=plan, limits=allowed)
    await audit(tx, AuditAction.ORG_PLAN_SET, org, plan=plan, limits=allowed)
    return org


def _limits(given: Any) -> dict[str, int]:
    """Limits as an operator gives them. Raises Invalid."""
    found: dict[str, Any] = cast("Any", given) if isinstance(given, dict) else {"": None}
    if any(type(value) is not int or not 0 <= value < 2**31 for value in found.values()):
        raise Invalid("Must be an object of whole numbers, none of them negative.", field="limits")
    return found


async def find_org(tx: Transaction, id: str, *, field: str) -> Org:
    """Lock an organisation that is there, whoever asks. Raises NotFound."""
    org = await tx.first(Org, "id = $1 AND deleted_at IS NULL", id, lock=True)
    if org is None:
        raise NotFound("There is no such thing, or it is not yours.", field=field)
    return org


def limit_of(org: Org, name: str, otherwise: int) -> int:
    """How many of something its plan allows."""
    limits = cast("dict[str, int]", org.limits or {})
    return min(limits.get(name, otherwise), otherwise)


async def free_slug(tx: Transaction, name: str) -> str:
    """A slug like a name, with a random end where that one is taken or no good."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-")
    if SLUG.fullmatch(slug) and slug not in RESERVED and not await _taken(tx, slug):
        return slug
    return f"{slug or 'org'}-{secrets.token_hex(4)}"


async def refuse_slug(tx: Transaction, slug: str) -> None:
    """Raise Invalid or Conflict for a slug that may not be had."""
    if not SLUG.fullmatch(slug) or slug in RESERVED:
        raise Invalid(
            "From 3 to 50 letters a to z, digits and single hyphens between them.", field="slug"
        )
    if await _taken(tx, slug):
        raise Conflict("This one is taken.", field="slug")


async def _taken(tx: Transaction, slug: str) -> bool:
    return await tx.first(Org, "slug = $1 AND deleted_at IS NULL", slug) is not None
