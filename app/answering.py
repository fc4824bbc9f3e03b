"""One answer: from the prompt to the provider, and from its deltas into the store."""

from __future__ import annotations

from contextlib import aclosing
from datetime import timedelta

import structlog

from app.own_keys import OwnKeys
from app.writing import Manuscript, NoLongerWanted, Writer
from models.chat.answers import Answer
from models.chat.leases import FAILED_TEXT, Lease
from models.chat.messages import CONTENT_LIMIT
from models.chat.prompting import read_prompt
from models.errors import DomainError, Unavailable
from models.providing import Delta, Finish, ProviderError
from models.storing import Files
from models.verbs import Actor

LONGEST_WAIT = 60.0  # seconds before a second try

log = structlog.get_logger()


async def write_answer(
    actor: Actor, writer: Writer, lease: Lease, keys: OwnKeys, files: Files
) -> Answer | ProviderError:
    """Have a provider answer, and store its text as it comes; all of it is stored at the end.

    Raises NoLongerWanted when the generation was stopped or taken over meanwhile.
    """
    try:
        return await _answer(actor, writer, lease, keys, files)
    except NoLongerWanted:
        raise
    except ProviderError as error:
        why = getattr(error, "__notes__", None)
        log.warning("answer.failed", message=lease.message_id, why=why)
        return error
    except DomainError as error:
        return ProviderError(error.message, retryable=isinstance(error, Unavailable))
    except Exception:
        log.exception("answer.crashed", message=lease.message_id)
        return ProviderError(FAILED_TEXT, retryable=True)


async def _answer(
    actor: Actor, writer: Writer, lease: Lease, keys: OwnKeys, files: Files
) -> Answer:
    models = actor.models
    model = models.find(lease.model)
    if model is None:
        raise ProviderError("This model is not on offer any more.", retryable=False)
    provider, name = models.provider_for(model.id)
    prompt = await read_prompt(actor.database, lease, name, model.context, files)
    manuscript = Manuscript(lease, writer)
    finish = None
    answer = keys.asked_with(provider, prompt, model, lease.user_id)
    async with aclosing(answer) as stream:
        async for item in stream:
            if isinstance(item, Finish):
                finish = item
            elif not _write_down(manuscript, item):
                finish = Finish("length")
                break
    await manuscript.stored()
    if finish is None:
        raise ProviderError(FAILED_TEXT, retryable=True)
    return Answer(manuscript.parts, finish.reason, finish.usage)


def _write_down(manuscript: Manuscript, delta: Delta) -> bool:
    """Add a delta, or what fits of it; False when the answer is as long as it may be."""
    room = CONTENT_LIMIT - manuscript.length
    if room > 0:
        manuscript.append(delta.part, delta.kind, delta.text[:room])
    return len(delta.text) <= room


def pause_before_retry(error: ProviderError, lease: Lease) -> timedelta | None:
    """How long to wait before the next try; None when none would help."""
    if not error.retryable:
        return None
    wait = error.retry_after if error.retry_after is not None else 0.5 * 2**lease.tries
    return timedelta(seconds=min(wait, LONGEST_WAIT))
