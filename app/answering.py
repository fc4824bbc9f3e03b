"""One answer: from the prompt to the provider, and from its deltas into the store."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import structlog

from app.asking import Asking, EndedHere
from app.own_keys import OwnKeys
from app.toolbox import Toolbox
from app.writing import Manuscript, NoLongerWanted, Writer
from models.billing.usage_events import ModelCall
from models.chat.answers import Answer
from models.chat.leases import FAILED_TEXT, Lease, count_unwanted_call
from models.chat.messages import CONTENT_LIMIT
from models.chat.prompting import continued, read_prompt
from models.chat.tool_steps import (
    NewCall,
    OpenCall,
    Progress,
    keep_calls,
    keep_results,
    read_progress,
)
from models.chat.transcripts import Asked, asked, result_text
from models.errors import DomainError, Unavailable
from models.permissions import Permission
from models.providing import (
    OWN_KEY,
    Delta,
    Finish,
    ModelCatalogue,
    ModelInfo,
    ModelProvider,
    Prompt,
    ProviderError,
)
from models.standing import renewed
from models.storing import Files
from models.verbs import Actor
from models.viewer import viewer_of

MOST_STEPS = 8  # in which a model may call tools
MOST_CALLS = 12  # in one of them

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Paused:
    """The answer waits for a person, and holds nothing meanwhile."""


@dataclass(frozen=True, slots=True)
class Author:
    """What answers are written with."""

    actor: Actor
    models: ModelCatalogue
    writer: Writer
    keys: OwnKeys
    toolbox: Toolbox
    files: Files


class Written(NamedTuple):
    """How a try ended, and the call of the model that is not counted yet, if there is one."""

    outcome: Answer | Paused | ProviderError
    call: ModelCall | None


async def write_answer(author: Author, lease: Lease) -> Written:
    """Have a provider answer, and store its text as it comes; all of it is stored at the end.

    Raises NoLongerWanted when the generation was stopped or taken over meanwhile.
    """
    asking = Asking(lease.model)
    try:
        outcome = await _written(author, lease, asking)
    except NoLongerWanted:
        if asking.call is not None:
            await count_unwanted_call(author.actor, lease, asking.call)
        raise
    return Written(outcome, asking.call)


async def _written(author: Author, lease: Lease, asking: Asking) -> Answer | Paused | ProviderError:
    try:
        return await (await _begun(author, lease, asking)).write()
    except NoLongerWanted:
        raise
    except ProviderError as error:
        why = getattr(error, "__notes__", None)
        log.warning("answer.failed", message=lease.message_id, why=why)
        return error
    except DomainError as error:
        if isinstance(error, Unavailable):
            return ProviderError(error.message, retryable=True)
        return EndedHere(error.message)
    except Exception:
        log.exception("answer.crashed", message=lease.message_id)
        return ProviderError(FAILED_TEXT, retryable=True)


async def _begun(author: Author, lease: Lease, asking: Asking) -> _Writing:
    model = author.models.find(lease.model)
    if model is None:
        raise ProviderError("This model is not on offer any more.", retryable=False)
    provider, name = author.models.provider_for(model.id)
    database, files = author.actor.database, author.files
    prompt = await read_prompt(database, lease, name, model.context, files)
    progress = await read_progress(database, lease)
    manuscript = Manuscript(lease, author.writer)
    for part in progress.parts:
        manuscript.write(part["kind"], part["text"])
    return _Writing(author, lease, model, provider, prompt, manuscript, progress, asking)


@dataclass(slots=True)
class _Writing:
    """An answer being written; `progress` is what was kept of it."""

    author: Author
    lease: Lease
    model: ModelInfo
    provider: ModelProvider
    prompt: Prompt
    manuscript: Manuscript
    progress: Progress
    asking: Asking

    async def write(self) -> Answer | Paused:
        """Ask the model, and make the calls it asks for, until it asks for none."""
        calls = self.progress.open
        while True:
            if calls:
                await self._make(calls)
            finish, wanted = await self._ask()
            usage = _summed(self.progress, finish.usage)
            if not wanted:
                return Answer(self.manuscript.parts, finish.reason, usage)
            calls = await self._keep(wanted, usage)
            if not calls:
                return Paused()

    async def _ask(self) -> tuple[Finish, Sequence[Asked]]:
        """One step of the model: its text is written as it comes, its calls once they are whole."""
        offered = self.author.toolbox.tools if self.progress.steps < MOST_STEPS else ()
        prompt = continued(self.prompt, self.progress.parts, self.model.context)
        finish, held = None, dict[int, str]()
        self.manuscript.begin()
        stream = self.author.keys.asked_with(
            self.provider, replace(prompt, tools=offered), self.model, self.lease, self.asking
        )
        async with aclosing(self.asking.followed(stream, self.progress.steps)) as items:
            async for item in items:
                if isinstance(item, Finish):
                    finish = item
                elif item.kind == "tool_call":
                    held[item.part] = held.get(item.part, "") + item.text
                    _refuse_too_much(held, CONTENT_LIMIT - self.manuscript.length)
                elif not _write_down(self.manuscript, item):
                    finish, held = Finish("length", usage=self.asking.marked({})), {}
                    break
        if finish is None:
            raise ProviderError(FAILED_TEXT, retryable=True)
        for text in held.values():
            self.manuscript.write("tool_call", text)
        await self.manuscript.stored()
        return finish, self._wanted(list(held.values())) if offered else ()

    def _wanted(self, texts: Sequence[str]) -> Sequence[Asked]:
        first = self.progress.calls
        return [asked(text, number) for number, text in enumerate(texts, first)]

    async def _keep(self, wanted: Sequence[Asked], usage: Mapping[str, Any]) -> Sequence[OpenCall]:
        self.progress = replace(self.progress, parts=self.manuscript.parts, usage=usage)
        needs = self.author.toolbox.needs_approval
        new = [NewCall(call, await needs(call)) for call in wanted]
        brought = self.asking.call
        assert brought is not None, "nothing else does"
        calls = await keep_calls(self.author.actor, self.lease, self.progress, new, brought)
        if calls is None:
            raise NoLongerWanted
        self.asking.call = None
        steps, made = self.progress.steps + 1, self.progress.calls + len(new)
        self.progress = replace(self.progress, steps=steps, calls=made)
        return calls

    async def _make(self, calls: Sequence[OpenCall]) -> None:
        """Make calls side by side, and write down what they gave in the order of the calls."""
        await _require_writer(self.author.actor, self.lease.user_id, calls[0].owner_id)
        call, user, message = self.author.toolbox.call, self.lease.user_id, self.lease.message_id
        results = await asyncio.gather(*(call(one, user, message) for one in calls))
        for one, result in zip(calls, results, strict=True):
            text = result_text(one.call_id, one.name, result.json, failed=result.failed)
            self.manuscript.write("tool_result", text)
        await self.manuscript.stored()
        self.progress = replace(self.progress, parts=self.manuscript.parts)
        states = {one.id: result.state for one, result in zip(calls, results, strict=True)}
        if not await keep_results(self.author.actor, self.lease, self.progress, states):
            raise NoLongerWanted


async def _require_writer(actor: Actor, user_id: str, owner_id: str) -> None:
    """Tools act in a user's name: only while that user may write where the answer is."""
    try:
        user = await renewed(viewer_of(user_id), actor.database, actor.clock.now())
        user.require(Permission.WRITE, owner_id)
    except DomainError as error:
        why = "Whoever asked for this may not write here any more."
        raise EndedHere(why) from error


def _write_down(manuscript: Manuscript, delta: Delta) -> bool:
    """Add a delta, or what fits of it; False when the answer is as long as it may be."""
    room = CONTENT_LIMIT - manuscript.length
    if room > 0:
        manuscript.append(delta.part, delta.kind, delta.text[:room])
    return len(delta.text) <= room


def _refuse_too_much(held: Mapping[int, str], room: int) -> None:
    """Raise EndedHere for too many calls at once, or when they leave no room to be kept."""
    if len(held) > MOST_CALLS or sum(map(len, held.values())) > room:
        raise EndedHere("The model asked for too many calls at once.")


def _summed(progress: Progress, more: Mapping[str, Any]) -> dict[str, Any]:
    """The tokens of all steps; a key of the user's own counts if it was used for each of them."""
    before = progress.usage
    counted = {
        name: value + before.get(name, 0)
        for name, value in more.items()
        if isinstance(value, int) and not isinstance(value, bool)
    }
    found = {**before, **more, **counted}
    if progress.steps and not (before.get(OWN_KEY) and more.get(OWN_KEY)):
        found.pop(OWN_KEY, None)
    return found
