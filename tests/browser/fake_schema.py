"""A schema in the shape of Punnet's, with canned data kept per instance."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Any

from graphql import GraphQLResolveInfo, GraphQLSchema, build_schema
from graphql.type import GraphQLObjectType

SDL = '''
scalar JSON
type Query {
  me: User
  project(id: ID!): Project
  projects(first: Int, after: String): ProjectConnection!
}
type Mutation {
  createProjectWithMessage(input: CreateProjectWithMessageInput!): CreateProjectWithMessage!
  sendMessage(input: SendMessageInput!): SendMessage!
}
type Subscription {
  messageStreamed(messageId: ID!, after: String): MessageStreamed!
  messageChanged(of: MessageContainer!, after: String): MessageChanged!
}
input MessageContainer @oneOf { projectId: ID conversationId: ID }
input SendMessageInput { to: MessageContainer! content: String! model: String }
input CreateProjectWithMessageInput { content: String! framework: String model: String }
type CreateProjectWithMessage { project: Project! message: Message! reply: Message! }
type SendMessage { message: Message! reply: Message! }
type PageInfo { hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String }
type ProjectConnection { nodes: [Project!]! pageInfo: PageInfo! }
type MessageConnection { nodes: [Message!]! pageInfo: PageInfo! }
"Somebody who owns projects."
type User { id: ID! name: String! }
"An app that is being built by talking about it."
type Project {
  id: ID!
  name: String!
  createdAt: String!
  previewAttachment: Attachment
  messages(first: Int, last: Int): MessageConnection!
}
enum MessageRole { USER ASSISTANT }
enum MessageStatus { PENDING STREAMING COMPLETE }
type Message {
  id: ID!
  role: MessageRole!
  status: MessageStatus!
  "The text as far as it is written."
  content: String!
  fragment: Fragment
  attachments: [Attachment!]!
}
type Fragment { id: ID! title: String! files: JSON! }
enum AttachmentType { IMAGE FIGMA_FILE }
type Attachment { id: ID! type: AttachmentType! url: String! }
type MessageStreamed { part: Int! kind: String! text: String! cursor: String! reset: Boolean! }
type MessageChanged { node: Message deletedId: ID cursor: String! reset: Boolean! }
'''

Row = dict[str, Any]
PROJECT_ID = "prj_01h455vb4pex5vsknk084sn02q"
PIECES = ("The heading ", "is larger now, ", "and the form ", "is below the menu.")
_PAGE = {"hasNextPage": False, "hasPreviousPage": False, "startCursor": "a", "endCursor": "b"}


class Data:
    """Projects and messages of one demo user; an answer takes a few tenths of a second."""

    def __init__(self, pause: float) -> None:
        self.pause = pause
        self.numbers = itertools.count(1)
        self.projects: dict[str, Row] = {}
        self.messages: dict[str, Row] = {}
        self.listeners: list[tuple[str, asyncio.Queue[Row]]] = []
        image = {
            "id": "att_01h455vb4pex5vsknk084sn02q",
            "type": "IMAGE",
            "url": "https://example.com/sketch.png",
        }
        project = self.add_project("Bakery page", PROJECT_ID)
        project["previewAttachment"] = image
        self.add_message(project["id"], "USER", "COMPLETE", "A page for a small bakery")
        answer = self.add_message(project["id"], "ASSISTANT", "COMPLETE", "Here it is.")
        answer["attachments"] = [image]
        answer["fragment"] = {
            "id": "frg_01h455vb4pex5vsknk084sn02q",
            "title": "Bakery",
            "files": {"app/page.tsx": "export default function Page() {\n  return <h1>Bread</h1>\n}"},
        }

    def add_project(self, name: str, id_: str | None = None) -> Row:
        row: Row = {
            "id": id_ or f"prj_{next(self.numbers):026}",
            "name": name,
            "createdAt": "2026-03-01T08:00:00.000Z",
            "previewAttachment": None,
        }
        self.projects[row["id"]] = row
        return row

    def add_message(self, project_id: str, role: str, status: str, content: str) -> Row:
        row: Row = {
            "id": f"msg_{next(self.numbers):026}",
            "projectId": project_id,
            "role": role,
            "status": status,
            "content": content,
            "fragment": None,
            "attachments": [],
        }
        self.messages[row["id"]] = row
        self.announce(row)
        return row

    def announce(self, row: Row) -> None:
        for project_id, queue in self.listeners:
            if project_id == row["projectId"]:
                queue.put_nowait(dict(row))

    def send(self, project_id: str, content: str) -> Row:
        message = self.add_message(project_id, "USER", "COMPLETE", content)
        reply = self.add_message(project_id, "ASSISTANT", "PENDING", "")
        return {"project": self.projects[project_id], "message": message, "reply": reply}


def require_viewer(info: GraphQLResolveInfo) -> Data:
    if not info.context["viewer"]:
        raise PermissionError("Not signed in")
    return info.context["data"]


def me(_: object, info: GraphQLResolveInfo) -> Row | None:
    return {"id": "usr_01h455vb4pex5vsknk084sn02q", "name": "Demo"} if info.context["viewer"] else None


def projects(_: object, info: GraphQLResolveInfo, **__: object) -> Row:
    rows = info.context["data"].projects.values() if info.context["viewer"] else ()
    return {"nodes": list(reversed(list(rows))), "pageInfo": _PAGE}


def project(_: object, info: GraphQLResolveInfo, id: str) -> Row | None:  # noqa: A002 - the argument's GraphQL name
    return require_viewer(info).projects.get(id)


def messages(row: Row, info: GraphQLResolveInfo, **_: object) -> Row:
    rows = info.context["data"].messages.values()
    return {"nodes": [m for m in rows if m["projectId"] == row["id"]], "pageInfo": _PAGE}


def create_project(_: object, info: GraphQLResolveInfo, input: Row) -> Row:  # noqa: A002 - the argument's GraphQL name
    data = require_viewer(info)
    return data.send(data.add_project("quiet-river")["id"], input["content"])


def send_message(_: object, info: GraphQLResolveInfo, input: Row) -> Row:  # noqa: A002 - the argument's GraphQL name
    return require_viewer(info).send(input["to"]["projectId"], input["content"])


async def streamed(_: object, info: GraphQLResolveInfo, messageId: str) -> AsyncIterator[Row]:  # noqa: N803 - the argument's GraphQL name
    data = require_viewer(info)
    row = data.messages[messageId]
    row["status"] = "STREAMING"
    data.announce(row)
    for number, text in enumerate(PIECES):
        await asyncio.sleep(data.pause)
        row["content"] += text
        event = {"part": 0, "kind": "TEXT", "text": text, "cursor": f"c{number}", "reset": False}
        yield {"messageStreamed": event}
    row["status"] = "COMPLETE"
    data.announce(row)


async def changed(_: object, info: GraphQLResolveInfo, of: Row) -> AsyncIterator[Row]:
    data = require_viewer(info)
    queue: asyncio.Queue[Row] = asyncio.Queue()
    listener = (of["projectId"], queue)
    data.listeners.append(listener)
    try:
        empty = {"node": None, "deletedId": None, "reset": False}
        yield {"messageChanged": {**empty, "cursor": "start"}}
        for number in itertools.count():
            yield {"messageChanged": {**empty, "node": await queue.get(), "cursor": f"e{number}"}}
    finally:
        data.listeners.remove(listener)


def schema() -> GraphQLSchema:
    built = build_schema(SDL)

    def fields(name: str) -> dict[str, Any]:
        kind = built.type_map[name]
        assert isinstance(kind, GraphQLObjectType)
        return kind.fields

    fields("Query")["me"].resolve = me
    fields("Query")["project"].resolve = project
    fields("Query")["projects"].resolve = projects
    fields("Project")["messages"].resolve = messages
    fields("Mutation")["createProjectWithMessage"].resolve = create_project
    fields("Mutation")["sendMessage"].resolve = send_message
    fields("Subscription")["messageStreamed"].subscribe = streamed
    fields("Subscription")["messageChanged"].subscribe = changed
    return built
