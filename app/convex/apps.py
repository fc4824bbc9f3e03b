"""The apps whose snapshots can be imported, and which one a snapshot is of."""

from __future__ import annotations

from collections.abc import Sequence

from app.convex import AppName, builder, builder_views, chat, chat_views
from app.convex.source import App
from models.errors import Invalid

BUILDER = App(AppName.BUILDER, builder.TABLES, builder.ORDER, builder_views.VIEWS)
CHAT = App(AppName.CHAT, chat.TABLES, chat.ORDER, chat_views.VIEWS, chat.LEFT_OUT, files=True)
APPS = {app.name: app for app in (BUILDER, CHAT)}


def app_of(tables: Sequence[str], named: AppName | None = None) -> App:
    """The app that has most of these tables, unless one is named. Raises Invalid for a draw."""
    if named is not None:
        return APPS[named]
    counts = {name: len(app.names.intersection(tables)) for name, app in APPS.items()}
    best = [name for name, count in counts.items() if count == max(counts.values())]
    if len(best) > 1:
        raise Invalid(f"Its tables do not tell which app it is of; say --app {' or '.join(best)}.")
    return APPS[best[0]]
