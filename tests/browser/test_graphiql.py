"""GraphiQL as a newcomer uses it."""

import json
import re
from urllib.parse import urlsplit

from playwright.async_api import Page, expect

from tests.browser.conftest import Server, watch

TABS = [
    "ListProjects",
    "OpenProject",
    "CreateProject",
    "SendMessage",
    "WatchAnswer",
    "WatchProject",
]


async def open_tab(page: Page, name: str) -> None:
    await page.get_by_role("tab", name=name, exact=True).click()


async def run(page: Page) -> None:
    await page.locator(".graphiql-execute-button").click()


async def open_graphiql(page: Page, server: Server) -> None:
    await page.goto(server.origin + "/")
    await expect(page.get_by_role("tab")).to_have_count(len(TABS))
    # The schema has arrived when the editor can name types.
    await expect(page.locator(".graphiql-spinner")).to_have_count(0)


async def test_loads_from_its_own_host_without_a_complaint(page: Page, server: Server) -> None:
    seen = watch(page)
    await open_graphiql(page, server)
    await page.get_by_role("button", name="Show Documentation Explorer").click()
    await expect(page.get_by_text("subscription: Subscription")).to_be_visible()
    await page.get_by_role("button", name="Open settings dialog").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert seen.hosts == {urlsplit(server.origin).netloc}
    assert seen.complaints == []


async def test_has_the_prepared_tabs_and_the_token(page: Page, server: Server) -> None:
    await open_graphiql(page, server)
    assert await page.get_by_role("tab").all_inner_texts() == TABS
    await open_tab(page, "OpenProject")
    variables = page.get_by_label("Variables", exact=True).locator(".CodeMirror-code").first
    await expect(variables).to_contain_text(server.project_id)
    await page.get_by_role("button", name="Headers", exact=True).click()
    headers = page.get_by_label("Headers", exact=True).locator(".CodeMirror-code").last
    await expect(headers).to_contain_text(f"Bearer {server.token[:8]}")


async def test_queries_show_data(page: Page, server: Server) -> None:
    await open_graphiql(page, server)
    response = page.locator(".result-window .CodeMirror-code")
    await run(page)
    await expect(response).to_contain_text(server.project_id)
    await open_tab(page, "OpenProject")
    await run(page)
    await expect(response).to_contain_text('"fragment": {')
    await expect(response).to_contain_text('"type": "IMAGE"')


async def test_a_sent_message_is_answered_in_pieces(page: Page, server: Server) -> None:
    frames: list[str] = []
    page.on(
        "websocket",
        lambda socket: (
            socket.on("framesent", lambda data: frames.append(str(data))),
            socket.on("framereceived", lambda data: frames.append(str(data))),
        ),
    )
    seen = watch(page)
    await open_graphiql(page, server)
    response = page.locator(".result-window .CodeMirror-code")

    await open_tab(page, "WatchAnswer")
    await run(page)
    await expect(response).to_contain_text("run SendMessage first")

    await open_tab(page, "SendMessage")
    await run(page)
    await expect(response).to_contain_text('"status": "PENDING"')

    await open_tab(page, "WatchAnswer")
    await run(page)
    await expect(response).to_contain_text("textSoFar")
    await expect(page.locator(".graphiql-execute-button")).to_have_attribute(
        "aria-label", re.compile("^Execute"), timeout=20_000
    )
    messages = [json.loads(frame) for frame in frames]
    assert messages[0]["payload"]["authorization"].startswith("Bearer ey")
    events = [m["payload"] for m in messages if m["type"] == "next"]
    assert len(events) >= 2
    text = "".join(event["data"]["messageStreamed"]["text"] for event in events)
    shown = json.loads(await page.evaluate(RESPONSE))
    assert shown["extensions"]["textSoFar"] == text
    assert seen.complaints == []


async def test_a_project_is_watched_while_another_page_sends(page: Page, server: Server) -> None:
    await open_graphiql(page, server)
    await open_tab(page, "WatchProject")
    async with page.expect_websocket() as opened:
        await run(page)
    response = page.locator(".result-window .CodeMirror-code")
    await expect(response).to_contain_text('"cursor"')

    sender = await page.context.new_page()
    await open_graphiql(sender, server)
    await open_tab(sender, "SendMessage")
    await run(sender)
    await expect(sender.locator(".result-window .CodeMirror-code")).to_contain_text("reply")
    await open_tab(sender, "WatchAnswer")
    await run(sender)
    await expect(response).to_contain_text('"status": "COMPLETE"', timeout=20_000)
    await expect(response).to_contain_text('"role": "ASSISTANT"')
    socket = await opened.value
    async with socket.expect_event("close", timeout=5_000):
        await run(page)  # the same button stops a subscription
    await expect(page.get_by_role("button", name=re.compile("^Execute"))).to_be_visible()


async def test_a_reload_keeps_what_was_written(page: Page, server: Server) -> None:
    await open_graphiql(page, server)
    await open_tab(page, "CreateProject")
    await run(page)
    response = page.locator(".result-window .CodeMirror-code")
    await expect(response).to_contain_text('"reply": {')
    await page.wait_for_timeout(1_000)  # GraphiQL stores its tabs half a second after a change
    await page.reload()
    await expect(page.get_by_role("tab")).to_have_count(len(TABS))
    await open_tab(page, "WatchAnswer")
    await run(page)
    await expect(response).to_contain_text("textSoFar")


RESPONSE = "document.querySelector('.result-window .CodeMirror').CodeMirror.getValue()"
