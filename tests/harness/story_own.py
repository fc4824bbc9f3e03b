"""What the story's user says of themselves and chooses, by the mutations for it."""

from __future__ import annotations

from typing import Any

from tests.harness.eventually import eventually
from tests.harness.story import Story, told
from tests.harness.verbs import id_of


async def tell_profile(story: Story) -> None:
    """The user's name, system prompt and favourites."""
    given = {"name": "Ada L.", "systemPrompt": "Be kind."}
    await story.do("updateProfile", "{ user { id } }", **given)
    favourites = ["mock:slow", "mock:fail"]
    _, moment = await story.do("updateFavoriteModels", "{ user { id } }", models=favourites)
    user = await id_of(story.caller)
    shown = {**given, "favoriteModels": favourites, "updatedAt": moment}
    await story.book.check("User", user, **shown)
    active = told(story.clock.advance(minutes=1))

    async def noted() -> bool:  # which waits for no lock, and is done by the next request then
        return (await story.caller.run("{ me { lastActiveAt } }"))["me"]["lastActiveAt"] == active

    await eventually(noted)
    await story.book.check("User", user, lastActiveAt=active)


async def tell_preferences(story: Story) -> None:
    """All that the user may choose, first as it is at the start."""
    query = "{ preferences { id createdAt updatedAt } me { id createdAt } }"
    found = await story.caller.run(query)
    id, created = found["preferences"]["id"], found["me"]["createdAt"]
    texts: dict[str, Any] = {
        "layout": "sidebar",
        "hiddenModels": ["mock:endless"],
        "defaultModel": "mock:slow",
        "preferredLocale": "de-CH",
        "outputTone": "dry",
    }
    switches = {
        "promptSuggestions": False,
        "showToolInvocations": False,
        "showConversationPreviews": False,
        "multiModelEnabled": True,
        "marketingOptIn": True,
    }
    for name, value in switches.items():
        await story.book.check("UserPreferences", id, **{name: not value})
    _, updated = await story.do("updatePreferences", "{ preferences { id } }", **texts, **switches)
    times = {"createdAt": created, "updatedAt": updated}
    own = {"id": id, "userId": found["me"]["id"]}
    await story.book.check("UserPreferences", id, **own, **texts, **times)
    for name, value in switches.items():
        await story.book.check("UserPreferences", id, **{name: value})
