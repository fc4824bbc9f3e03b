"""Demo data, written by us and loaded through the same verbs that the API uses."""

from __future__ import annotations

from dataclasses import dataclass, replace

from app.assembly import connect
from app.config import Settings
from app.process import running
from models.accounts.users import Identity, meet
from models.builder.claims import RunResult, claim_run, complete_run
from models.builder.snapshots import SavedFiles, save_files
from models.chat.attachments import NewAttachment
from models.chat.projects import Framework, NewProject, Project, create_project
from models.chat.sending import Draft, RunSource, Target, send_message
from models.ports import Database
from models.verbs import Actor
from models.viewer import SIGNED_OUT, viewer_of

SUBJECT = "demo"
WORKER = "demo"


@dataclass(frozen=True, slots=True)
class Turn:
    """What the user asks and what the builder makes of it."""

    ask: str
    answer: str
    files: dict[str, str]
    image: str | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """One demo project."""

    project: NewProject
    turns: tuple[Turn, ...]


SHOP_PAGE = """\
export default function Shop() {
  return (
    <main>
      <h1>Punnet & Daughters</h1>
      <p>Strawberries, picked this morning.</p>
      <button>Reserve a punnet</button>
    </main>
  );
}
"""
SHOP_STYLES = "main { max-width: 40rem; margin: 4rem auto; font-family: Georgia, serif; }\n"
LIST_PAGE = """\
<script setup>
import { ref } from "vue";
const books = ref([{ title: "The Orchard Keeper", read: false }]);
</script>

<template>
  <label v-for="book in books">
    <input v-model="book.read" type="checkbox" /> {{ book.title }}
  </label>
</template>
"""
CARD_PAGE = """\
<script>
  export let degrees = 21;
</script>

<article>{degrees} °C, and no rain until the evening.</article>
"""

STORIES = (
    Story(
        NewProject("Reading list", Framework.VUE, description="Books to read, ticked off."),
        (Turn("A list of books that I can tick off.", "Here it is.", {"App.vue": LIST_PAGE}),),
    ),
    Story(
        NewProject("Weather card", Framework.SVELTE, showcased=True),
        (
            Turn(
                "One card with the weather of today.",
                "A card with the temperature.",
                {"Card.svelte": CARD_PAGE},
            ),
        ),
    ),
    Story(
        NewProject("Strawberry shop", Framework.NEXTJS, description="A farm shop on one page."),
        (
            Turn(
                "Build a landing page for a farm shop that sells strawberries.",
                "The page has a headline, a line about the fruit and a button to reserve some.",
                {"app/page.tsx": SHOP_PAGE},
                image="https://images.example/strawberries.png",
            ),
            Turn(
                "Centre it and use a friendlier font.",
                "Centred, in Georgia.",
                {"app/page.tsx": SHOP_PAGE, "app/globals.css": SHOP_STYLES},
            ),
        ),
    ),
)


async def load_demo(settings: Settings, url: str) -> bool:
    """Load the demo user's projects. False when there are some already."""
    services = connect(settings, url)
    async with running(services, worker=False):
        ports = services.ports
        system = Actor(SIGNED_OUT, ports.database, ports.clock, ports.bus, ports.models)
        user = await meet(system, Identity(SUBJECT, name="Demo"))
        if await demo_examples(ports.database):
            return False
        actor = replace(system, viewer=viewer_of(user.id))
        for story in STORIES:
            await _tell(actor, story)
        return True


async def demo_examples(database: Database) -> dict[str, str]:
    """What fills the variables of GraphiQL's tabs: the demo user's newest project, if any."""
    newest = """SELECT p.id FROM project p JOIN user_account u ON u.id = p.owner_id
        WHERE u.clerk_id = $1 AND p.deleted_at IS NULL ORDER BY p.created_at DESC LIMIT 1"""
    rows = await database.fetch(newest, SUBJECT)
    return {"projectId": rows[0]["id"]} if rows else {}


async def _tell(actor: Actor, story: Story) -> None:
    project = await create_project(actor, story.project)
    for turn in story.turns:
        await _turn(actor, project, turn)
    newest = SavedFiles(story.turns[-1].files)
    await save_files(actor, project.id, newest)


async def _turn(actor: Actor, project: Project, turn: Turn) -> None:
    images = [NewAttachment(turn.image, 48_200, width=1200, height=800)] if turn.image else []
    draft = Draft(turn.ask, attachments=images, run_source=RunSource.WEBCONTAINER)
    sent = await send_message(actor, Target(project_id=project.id), draft)
    waiting = "SELECT id FROM agent_run WHERE message_id = $1"
    (row,) = await actor.database.fetch(waiting, sent.reply.id)
    run_id: str = row["id"]
    await claim_run(actor, run_id, WORKER)
    await complete_run(actor, run_id, WORKER, RunResult(turn.answer, dict(turn.files)))
