"""Fitting what a model is given into its context. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from models.providing import ContentPart, PromptMessage

IMAGE_TOKENS = 800
CHARACTERS_PER_TOKEN = 4
GAP = "\n…\n"


def estimate_tokens(messages: Sequence[PromptMessage]) -> int:
    """About how many tokens the messages cost: a text's characters / 4 + 1, an image 800."""
    return sum(_cost(message) for message in messages)


def fit(messages: Sequence[PromptMessage], budget: int) -> list[PromptMessage]:
    """The messages that fit into `budget` tokens, oldest first.

    Kept are the system messages and an unbroken run of the newest others. A newest message that
    does not fit alone loses the middle of its longest texts, and images that have no room; system
    messages that leave less than half of the budget to the newest message are cut likewise. So
    the estimate of the result never exceeds the budget; with no budget at all it is empty.
    """
    system = [message for message in messages if message.role == "system"]
    turns = [message for message in messages if message.role != "system"]
    newest = _cost(turns[-1]) if turns else 0
    kept = _take(system, max(budget // 2, budget - newest))
    room = budget - estimate_tokens(kept)
    first = len(turns)
    while first and (cost := _cost(turns[first - 1])) <= room:
        first -= 1
        room -= cost
    if turns and first == len(turns):
        kept.extend(_take(turns[-1:], room))
    return kept + turns[first:]


def _take(messages: Sequence[PromptMessage], room: int) -> list[PromptMessage]:
    """The first messages that fit, the last of them cut."""
    kept: list[PromptMessage] = []
    for message in messages:
        if (cost := _cost(message)) > room:
            parts = _shorten(message.parts, room)
            return [*kept, replace(message, parts=parts)] if parts else kept
        kept.append(message)
        room -= cost
    return kept


def _shorten(parts: Sequence[ContentPart], room: int) -> list[ContentPart]:
    """The parts within `room` tokens: the small ones whole, the large ones cut alike.

    From the cheapest on, each may have an equal share of what the ones before it left over, so a
    short question next to a huge file stays whole.
    """
    costs = [_part_cost(part) for part in parts]
    kept: dict[int, ContentPart] = {}
    for place, index in enumerate(sorted(range(len(parts)), key=costs.__getitem__)):
        share = room // (len(parts) - place)
        part = parts[index]
        if costs[index] > share:
            text = _cut(part.value, share) if part.kind == "text" else ""
            if not text:
                continue
            part = replace(part, value=text)
        kept[index] = part
        room -= _part_cost(part)
    return [kept[index] for index in sorted(kept)]


def _cut(text: str, tokens: int) -> str:
    """Beginning and end of a text, with a gap between, in `tokens` tokens."""
    length = tokens * CHARACTERS_PER_TOKEN - 1
    if length <= 8 * len(GAP):
        return text[: max(length, 0)]
    head = (length - len(GAP)) // 2
    tail = length - len(GAP) - head
    return text[:head] + GAP + text[-tail:]


def _part_cost(part: ContentPart) -> int:
    if part.kind == "image":
        return IMAGE_TOKENS
    return len(part.value) // CHARACTERS_PER_TOKEN + 1


def _cost(message: PromptMessage) -> int:
    return sum(map(_part_cost, message.parts))
