"""Preferences: what a user has chosen for themselves, from the start the products' defaults."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from models import fields
from models.access import Owned
from models.base import Record
from models.errors import Invalid, NotFound
from models.indexes import unique
from models.permissions import Permission
from models.verbs import verb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.providing import ModelCatalogue
    from models.transaction import Transaction

MODEL_LIMIT = 200  # characters of a model's id
MOST_MODELS = 100
"""Models in one list of a user's."""

SERVERS_MODEL = "mock:raypx-1"
"""Stands for the server's default model in the preferences of who has chosen no other."""

# The form of RFC 5646, without the tags that were grandfathered.
_LOCALE = re.compile(
    r"""
    (?P<language>[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4,8})
    (?:-(?P<script>[a-z]{4}))?
    (?:-(?P<region>[a-z]{2}|[0-9]{3}))?
    (?P<rest>(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*
    (?:-[a-wyz0-9](?:-[a-z0-9]{2,8})+)*
    (?:-x(?:-[a-z0-9]{1,8})+)?)
    """,
    re.VERBOSE,
)


class UserPreferences(Record):
    """What a user has chosen. Each user has one row from the start, guests too."""

    prefix = "prf"
    access = Owned(read=Permission.READ_ACCOUNT)
    indexes = (unique("user_id"),)

    owner_id: str = fields.key("Whose preferences they are.")
    user_id: str = fields.key("Id of the user.")
    layout: str = fields.text(
        "How the front end is laid out, a word of its own.", limit=50, default="fullscreen"
    )
    prompt_suggestions: bool = fields.flag("Whether prompts are suggested.", default=True)
    show_tool_invocations: bool = fields.flag("Whether calls of tools are shown.", default=True)
    show_conversation_previews: bool = fields.flag(
        "Whether lists of conversations show their beginnings.", default=True
    )
    multi_model_enabled: bool = fields.flag(
        "Whether several models may be asked at once.", default=False
    )
    hidden_models: list[str] = fields.json(
        "Ids of models that are not offered.", default=[], opaque=False
    )
    default_model: str = fields.text(
        "The model to use when none is named.", limit=MODEL_LIMIT, default=SERVERS_MODEL
    )
    preferred_locale: str = fields.text(
        "The language to use, a tag of BCP 47.", limit=35, default="en-US"
    )
    output_tone: str = fields.text("How answers sound.", limit=50, default="professional")
    marketing_opt_in: bool = fields.flag("Whether the user wants news by mail.", default=False)

    class Meta:
        table = "user_preferences"


@verb
async def update_preferences(tx: Transaction, **changed: Any) -> UserPreferences:
    """Change some of the viewer's preferences. Raises Invalid, naming the field."""
    user = tx.actor.viewer.id
    tx.require(user)
    own = await tx.first(UserPreferences, "user_id = $1", user, lock=True)
    if own is None:
        raise NotFound("This account is gone.")
    own.check(changed)
    return await own.change(**_checked(tx.actor.models, own, changed))


async def chosen_model(tx: Transaction, user_id: str) -> str | None:
    """The model that a user has chosen for when none is named; None for the server's."""
    own = await tx.first(UserPreferences, "user_id = $1", user_id)
    return None if own is None or own.default_model == SERVERS_MODEL else own.default_model


def _checked(
    catalogue: ModelCatalogue, own: UserPreferences, changed: Mapping[str, Any]
) -> dict[str, Any]:
    """What is to be written. What is chosen already may stay, on offer or not."""
    found = dict(changed)
    model = changed.get("default_model", own.default_model)
    if model not in (own.default_model, SERVERS_MODEL):
        catalogue.choose(model, "defaultModel")
    if "hidden_models" in changed:
        hidden = changed["hidden_models"]
        refuse_models(catalogue, hidden, own.hidden_models, "hiddenModels")
    if "preferred_locale" in changed:
        found["preferred_locale"] = locale_of(changed["preferred_locale"])
    return found


def refuse_models(
    catalogue: ModelCatalogue, wanted: Sequence[str], before: Sequence[str], field: str
) -> None:
    """Raise Invalid for a list of models that is too long, names one twice or an unknown one.

    One that was in the list `before` may stay, also when it is not on offer any more.
    """
    if len(wanted) > MOST_MODELS:
        raise Invalid(f"At most {MOST_MODELS} models.", field=field)
    if len(set(wanted)) < len(wanted):
        raise Invalid("Name each model once.", field=field)
    if any(catalogue.find(id) is None for id in set(wanted) - set(before)):
        raise Invalid("There is no such model.", field=field)


def locale_of(given: str) -> str:
    """A language tag as it is written: `en-US`, `zh-Hant-TW`. Raises Invalid for what is none."""
    found = _LOCALE.fullmatch(given.lower())
    if found is None:
        raise Invalid("This is no language tag, such as en-US.", field="preferredLocale")
    parts = (found["script"] or "").title(), (found["region"] or "").upper()
    return "-".join((found["language"], *filter(None, parts))) + found["rest"]
