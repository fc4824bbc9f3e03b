"""What the apps have in common: rows of users, and the preferences that each user has."""

from __future__ import annotations

from app.convex.source import Link, Source
from models.accounts.preferences import UserPreferences

USER = {"user": Link("userId", "users")}
OWN = {"owner_id": "user_.id"}
ROOT = {"owner_id": "coalesce(e.owner_id, user_.id)"}
"""The owner of what can be moved to another one here."""

PREFERENCES = Source(
    "preferences",
    UserPreferences,
    links=USER,
    values=OWN,
    match="e.user_id = user_.id",
    follows=False,
)
"""Those that everybody begins with, of users of whom no others are told."""
