"""The chat at `/demo`: files, calls of tools, and the limits of a day."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.chatting import Chat
from tests.browser.conftest import shoot, watch
from tests.harness.api import StartServer
from tests.harness.tools import TOOLS, lines
from tests.harness.uploading import image

PICTURE = {"name": "plan.png", "mimeType": "image/png", "buffer": image(size=(640, 400))}


async def is_shown(picture: Locator) -> None:
    """A picture that the browser has loaded, not only a place for one."""
    await picture.evaluate("image => image.decode()")
    assert await picture.evaluate("image => image.naturalWidth") > 0


async def test_an_image_is_attached(start_server: StartServer, page: Page) -> None:
    chat = Chat(page, await start_server())
    seen = watch(page)
    await chat.start()
    await page.locator("input[type=file]").set_input_files([PICTURE])
    chosen = page.get_by_role("list", name="Attachments").get_by_role("listitem")
    await expect(chosen).to_contain_text("plan.png")
    await is_shown(chosen.locator("img"))
    await expect(chosen).not_to_contain_text("Uploading")
    await shoot(page, "demo-attaching")
    await chat.ask("What is this?")
    sent = chat.question.get_by_role("img", name="plan.png")
    await is_shown(sent)
    await page.reload()
    await is_shown(sent)
    await shoot(page, "demo-attached")
    assert seen.complaints == []


async def test_what_is_no_image_is_not_taken(start_server: StartServer, page: Page) -> None:
    chat = Chat(page, await start_server())
    await chat.start()
    lie = PICTURE | {"buffer": b"<html>" * 20}
    await page.locator("input[type=file]").set_input_files([lie])
    await expect(page.get_by_role("alert")).to_contain_text("plan.png: What was uploaded")
    await expect(page.get_by_role("list", name="Attachments")).to_be_hidden()


@pytest.mark.parametrize(("decision", "state"), [("Approve", "done"), ("Deny", "denied")])
async def test_a_call_of_a_tool_waits_for_the_reader(
    start_server: StartServer, page: Page, tmp_path: Path, decision: str, state: str
) -> None:
    notes = tmp_path / "notes"
    chat = Chat(page, await start_server(tools=TOOLS))
    await chat.start()
    await chat.choose("mock:tools")
    await chat.send(f'Tidy up [[call:delete {{"to": "{notes}"}}]]')
    await expect(chat.answer).to_contain_text("waits for you")
    await expect(chat.button("Deny")).to_be_visible()
    await shoot(page, "demo-approval")
    await page.reload()
    assert lines(notes) == []
    await chat.button(decision).click()
    await chat.answered(state)
    await expect(chat.button("Deny")).to_be_hidden()
    assert len(lines(notes)) == (decision == "Approve")


async def test_a_guest_is_told_what_the_day_still_has(
    start_server: StartServer, page: Page
) -> None:
    server = await start_server(
        daily_limits=True, guest_messages=2, guest_address_messages=2, free_uploads=1
    )
    chat = Chat(page, server)
    await chat.start()
    await expect(page.get_by_text("2 of 2 left today")).to_be_visible()
    await chat.ask("One")
    await expect(page.get_by_text("1 of 2 left today")).to_be_visible()
    await chat.ask("Two")
    await expect(page.get_by_text("There are 2 more from")).to_be_visible()
    await chat.draft.fill("Three")
    await expect(chat.button("Send")).to_be_disabled()
    await shoot(page, "demo-limit")
    await chat.answer.get_by_role("button", name="Regenerate").click()
    await expect(page.get_by_role("alert")).to_contain_text("That was all for today")
