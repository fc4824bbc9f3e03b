"""Profiles: what users say of themselves, and the models they like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from models.accounts.preferences import MODEL_LIMIT, refuse_models
from models.accounts.users import User
from models.errors import Invalid
from models.noting import note_time
from models.verbs import verb

if TYPE_CHECKING:
    from models.ports import Database
    from models.transaction import Transaction


@verb
async def update_profile(tx: Transaction, **changed: Any) -> User:
    """Change the viewer's name or system prompt. Raises Invalid."""
    user = await tx.reach(User, tx.actor.viewer.id)
    return await user.change(**changed)


@verb
async def update_favorite_models(tx: Transaction, models: Sequence[str]) -> User:
    """Have these models, in this order, for the viewer's favourites. Raises Invalid."""
    return await _prefer(tx, lambda _before: list(models), "models")


@verb
async def add_favorite_model(tx: Transaction, model: str) -> User:
    """Add a model at the end of the viewer's favourites, unless it is one. Raises Invalid."""
    return await _prefer(tx, lambda before: _at_end(before, model), "model")


@verb
async def remove_favorite_model(tx: Transaction, model: str) -> User:
    """Take a model out of the viewer's favourites, where it is one. Raises Invalid."""
    if not model.strip() or len(model) > MODEL_LIMIT:
        raise Invalid("There is no such model.", field="model")
    return await _prefer(tx, lambda before: [one for one in before if one != model], "model")


def _at_end(models: Sequence[str], model: str) -> list[str]:
    return [*models] if model in models else [*models, model]


async def _prefer(
    tx: Transaction, change: Callable[[Sequence[str]], list[str]], field: str
) -> User:
    user = await tx.reach(User, tx.actor.viewer.id)
    wanted = change(user.favorite_models)
    refuse_models(tx.actor.models, wanted, user.favorite_models, field)
    return await user.change(favorite_models=wanted)


async def note_activity(
    database: Database, id: str, last_active_at: datetime | None, now: datetime
) -> None:
    """Note that a user is active."""
    await note_time(database, (User, "last_active_at"), id, last_active_at, now)
