"""What an answer in an app project leaves behind: its run's progress, and a fragment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.builder.agent_runs import AgentRun, AgentRunStatus, end_run
from models.builder.answer_files import files_from_answer
from models.builder.files import MOST_FILES
from models.builder.fragments import (
    PREVIEW_PLACEHOLDER,
    FragmentBody,
    newest_files,
    put_fragment,
)
from models.chat.answers import answer_ended, answer_started
from models.chat.messages import Message, MessageOutcome
from models.chat.projects import Framework, Project
from models.chat.sending import Draft, RunSource, Sent, message_sent

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from models.transaction import Transaction


@message_sent.attach
async def make_run(tx: Transaction, sent: Sent, draft: Draft) -> None:
    """A message in an app project is a run as well."""
    project_id = sent.reply.project_id
    if project_id is None:
        return
    (project,) = await tx.find(Project, "id = $1", project_id)
    run = AgentRun(
        owner_id=sent.reply.owner_id,
        project_id=project_id,
        value=draft.content,
        model=sent.reply.model,
        framework=project.framework,
        run_source=draft.run_source,
        message_id=sent.reply.id,
    )
    await tx.add(run)


@answer_started.attach
async def start_run(tx: Transaction, message: Message, worker: str) -> None:
    """The server's worker has taken up the run of this message."""
    for run in await _runs(tx, message):
        await run.change(status=AgentRunStatus.RUNNING, claimed_by=worker, claims=run.claims + 1)


@answer_ended.attach
async def end_run_of(tx: Transaction, message: Message) -> None:
    """A complete answer ends its run, and with files in it makes a fragment."""
    runs = await _runs(tx, message)
    if message.project_id is None or message.outcome is None:
        return
    fragment_id = None
    succeeded = message.outcome is MessageOutcome.SUCCEEDED
    if succeeded and any(run.run_source is RunSource.INNGEST for run in runs):
        fragment_id = await _fragment(tx, message)
    status = AgentRunStatus.COMPLETED if succeeded else AgentRunStatus.FAILED
    for run in runs:
        await end_run(
            run, tx, status, message.outcome, fragment_id=fragment_id, error=message.error
        )


async def _runs(tx: Transaction, message: Message) -> list[AgentRun]:
    unfinished = "message_id = $1 AND status IN ('PENDING', 'RUNNING') ORDER BY id"
    return await tx.find(AgentRun, unfinished, message.id, lock=True)


async def _fragment(tx: Transaction, message: Message) -> str | None:
    files = files_from_answer(message.content)
    if not files or message.project_id is None:
        return None
    (project,) = await tx.find(Project, "id = $1", message.project_id)
    body = FragmentBody(
        sandbox_url=PREVIEW_PLACEHOLDER,
        title=project.name,
        files=_laid_over(await newest_files(tx, project.id), files),
        framework=project.framework or Framework.NEXTJS,
        metadata={"source": "INNGEST", "model": message.model},
    )
    return (await put_fragment(tx, message, body)).id


def _laid_over(before: Mapping[str, Any], files: Mapping[str, str]) -> dict[str, Any]:
    """Files with those of an answer laid over them; new paths only as long as there is room."""
    laid = dict(before)
    for path, text in files.items():
        if path in laid or len(laid) < MOST_FILES:
            laid[path] = text
    return laid
