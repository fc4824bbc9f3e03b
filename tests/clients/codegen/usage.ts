// A front end in small: that this compiles is the test. Nobody runs it.
import { type Client } from "@urql/core";

import { graphql } from "./generated";
import { type AgentRunStatus, type MessageStatus } from "./generated/graphql";

const Projects = graphql(`
  query Projects($first: Int, $after: String) {
    projects(first: $first, after: $after) {
      edges { cursor node { id name framework createdAt previewAttachment { url width } } }
      pageInfo { hasNextPage endCursor }
    }
  }
`);

const Send = graphql(`
  mutation Send($input: SendMessageInput!) {
    sendMessage(input: $input) {
      reply { id status usage }
      agentRun { status }
    }
  }
`);

const Streamed = graphql(`
  subscription Streamed($id: ID!, $after: String) {
    messageStreamed(messageId: $id, after: $after) { part kind text cursor reset }
  }
`);

const AnyNode = graphql(`
  query AnyNode($id: ID!) {
    node(id: $id) {
      __typename
      id
      ... on Project { name }
      ... on Message { content status }
    }
  }
`);

export async function names(client: Client): Promise<string[]> {
  const { data } = await client.query(Projects, { first: 5 });
  const edges = data?.projects.edges ?? [];
  const made: string | undefined = edges[0]?.node.createdAt;
  const width: number | null | undefined = edges[0]?.node.previewAttachment?.width;
  // @ts-expect-error - a list has no such field
  const missing = data?.projects.totalCount;
  // @ts-expect-error - `first` is a number
  await client.query(Projects, { first: "5" });
  return edges.map(({ node }) => `${node.name} ${made} ${width} ${missing}`);
}

export async function send(client: Client, projectId: string): Promise<string | undefined> {
  const { data } = await client.mutation(Send, {
    input: { to: { projectId }, content: "Hello", idempotencyKey: "1" },
  });
  // @ts-expect-error - an input needs its content
  await client.mutation(Send, { input: { to: { projectId } } });
  // @ts-expect-error - a message goes to one place
  await client.mutation(Send, { input: { to: { projectId, conversationId: "" }, content: "" } });
  const status: MessageStatus | undefined = data?.sendMessage.reply.status;
  const run: AgentRunStatus | undefined = data?.sendMessage.agentRun?.status;
  // @ts-expect-error - any JSON, to be looked at before it is used
  const usage: string = data?.sendMessage.reply.usage;
  return status && `${status} ${run} ${usage}`;
}

export function listen(client: Client, id: string): () => void {
  let text = "";
  const { unsubscribe } = client.subscription(Streamed, { id }).subscribe(({ data }) => {
    if (data) text = (data.messageStreamed.reset ? "" : text) + data.messageStreamed.text;
  });
  return unsubscribe;
}

export async function title(client: Client, id: string): Promise<string> {
  const { data } = await client.query(AnyNode, { id });
  if (data?.node?.__typename === "Project") return data.node.name;
  if (data?.node?.__typename === "Message") return data.node.content;
  // @ts-expect-error - other things have no name
  return data?.node?.name ?? "";
}
