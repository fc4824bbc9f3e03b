"""Made-up names for projects that nobody has named yet."""

from __future__ import annotations

import secrets

ADJECTIVES = (
    "amber brave bright calm clever crisp eager early fresh gentle golden happy honest jolly "
    "kind light lively lucky mellow merry mild neat noble plain proud quick quiet ripe sharp "
    "shiny simple smooth snug soft steady sunny sweet swift tidy warm wild wise"
).split()
NOUNS = (
    "acorn almond apple apricot barley basil berry birch cedar cherry clover cranberry currant "
    "elder fennel fig ginger hazel juniper lemon lime linden maple medlar melon mint mulberry "
    "olive orange orchard peach pear pepper pine plum poppy quince raspberry rosemary sage "
    "sorrel thyme willow"
).split()


def made_up_name() -> str:
    """An adjective and a noun, such as `sunny-quince`."""
    return f"{secrets.choice(ADJECTIVES)}-{secrets.choice(NOUNS)}"
