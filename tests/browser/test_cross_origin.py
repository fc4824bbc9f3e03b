"""A page from another port of this machine uses the API; the page's token stays at home."""

from typing import Any

from playwright.async_api import Page

from tests.browser.conftest import Server

FETCH = """async ([url, authorization]) => {
  const response = await fetch(url, {
    method: "POST",
    headers: { authorization, "content-type": "application/json" },
    body: JSON.stringify({ query: "{ me { name } projects(first: 5) { nodes { id } } }" }),
  })
  return await response.json()
}"""

SUBSCRIBE = """async ([url, authorization, projectId]) => {
  const socket = new WebSocket(url, "graphql-transport-ws")
  const say = (message) => socket.send(JSON.stringify(message))
  return await new Promise((done, failed) => {
    socket.onopen = () => say({ type: "connection_init", payload: { authorization } })
    socket.onclose = (event) => failed(new Error(`closed ${event.code} ${event.reason}`))
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data)
      if (message.type === "connection_ack") {
        const query = `subscription ($projectId: ID!) {
          messageChanged(of: { projectId: $projectId }) { cursor node { id } }
        }`
        say({ id: "1", type: "subscribe", payload: { query, variables: { projectId } } })
      } else if (message.id === "1") {
        done(message)
      }
    }
  })
}"""


async def test_another_port_can_fetch(page: Page, server: Server, other_origin: str) -> None:
    methods: list[str] = []
    page.on("request", lambda request: methods.append(request.method))
    await page.goto(other_origin)
    url = server.origin + "/graphql"
    answer: dict[str, Any] = await page.evaluate(FETCH, [url, f"Bearer {server.token}"])
    assert "errors" not in answer
    assert answer["data"]["me"] is not None
    assert server.project_id in [node["id"] for node in answer["data"]["projects"]["nodes"]]


async def test_another_port_can_subscribe(page: Page, server: Server, other_origin: str) -> None:
    await page.goto(other_origin)
    url = server.origin.replace("http", "ws", 1) + "/graphql"
    arguments = [url, f"Bearer {server.token}", server.project_id]
    event: dict[str, Any] = await page.evaluate(SUBSCRIBE, arguments)
    assert event["type"] == "next"
    assert event["payload"]["data"]["messageChanged"]["cursor"]


async def test_another_port_cannot_read_the_token(
    page: Page, server: Server, other_origin: str
) -> None:
    await page.goto(other_origin)
    read = "url => fetch(url).then(response => response.text(), error => `refused: ${error}`)"
    text: str = await page.evaluate(read, server.origin + "/")
    assert text.startswith("refused: TypeError")
