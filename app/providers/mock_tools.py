"""The tools that the mock model calls, and what it says of their results."""

import json
from collections.abc import Sequence

from app.providers.directives import Directives
from models.providing import Delta, Prompt


def tool_calls(prompt: Prompt, asked: Directives) -> Sequence[Delta]:
    """The calls of this step, two pieces each; none once there were enough, or without tools."""
    step = sum(1 for message in prompt.messages if message.calls)
    rounds = 1 if asked.rounds is None else asked.rounds
    if not prompt.tools or step >= rounds:
        return ()
    wanted = asked.call or (prompt.tools[0].name,)
    found: list[Delta] = []
    for number, one in enumerate(wanted):
        name, _, arguments = one.strip().partition(" ")
        call = {"id": f"call_{step}_{number}", "name": name, "arguments": arguments or "{}"}
        text = json.dumps(call, ensure_ascii=False)
        half = len(text) // 2
        found += [Delta(text[:half], number, "tool_call"), Delta(text[half:], number, "tool_call")]
    return found


def results(prompt: Prompt) -> str:
    """What the model was told by tools since it last spoke, if anything."""
    told: list[str] = []
    for message in reversed(prompt.messages):
        if message.role != "tool":
            break
        told.append("".join(part.value for part in message.parts))
    return " ".join(reversed(told))
