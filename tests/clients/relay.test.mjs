// Relay: its compiler against schema.graphql, its runtime against the server.
import assert from "node:assert/strict";
import { mkdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { before } from "node:test";

import relay from "relay-runtime";

import { ask, bearer, newUser, test, textOf, tool, until, url, wsClient } from "./punnet.mjs";
import { prompt, startProject, stored, usual } from "./scenario.mjs";

const artifacts = join(import.meta.dirname, "relay/__generated__");
const require = createRequire(import.meta.url);
const artifact = (name) => require(join(artifacts, `${name}.graphql.js`));

before(async () => {
  rmSync(artifacts, { recursive: true, force: true });
  mkdirSync(artifacts);
  await tool("relay-compiler", ["relay.config.json"], { folder: "relay" });
});

function connect(token) {
  const socket = wsClient(token, { retryAttempts: 0 });
  const post = async ({ text, name }, variables) => {
    const response = await fetch(url, {
      method: "POST",
      headers: {
        accept: "application/graphql-response+json",
        "content-type": "application/json",
        ...bearer(token),
      },
      body: JSON.stringify({ query: text, operationName: name, variables }),
    });
    return response.json();
  };
  const hear = ({ text, name }, variables) =>
    relay.Observable.create((sink) =>
      socket.subscribe({ query: text, operationName: name, variables }, sink),
    );
  const environment = new relay.Environment({
    network: relay.Network.create(post, hear),
    store: new relay.Store(new relay.RecordSource()),
  });
  return { environment, close: () => socket.dispose() };
}

const query = (environment, name, variables) =>
  relay
    .fetchQuery(environment, artifact(name), variables, { fetchPolicy: "network-only" })
    .toPromise();

const mutate = (environment, name, variables) =>
  new Promise((resolve, reject) => {
    relay.commitMutation(environment, {
      mutation: artifact(name),
      variables,
      onCompleted: (data, errors) => (errors ? reject({ source: { errors } }) : resolve(data)),
      onError: reject,
    });
  });

/** The events of a subscription as an async iterable. */
async function* listen(environment, name, variables) {
  const events = [];
  const ended = { done: false, error: null };
  const subscription = relay.requestSubscription(environment, {
    subscription: artifact(name),
    variables,
    onNext: (data) => events.push(data),
    onError: (error) => Object.assign(ended, { done: true, error }),
    onCompleted: () => (ended.done = true),
  });
  try {
    for (;;) {
      await until(() => events.length || ended.done);
      if (events.length) yield events.shift();
      else if (ended.error) throw ended.error;
      else return;
    }
  } finally {
    subscription.dispose();
  }
}

const codeOf = (error) =>
  (error.source?.errors ?? error)[0]?.extensions?.code ?? error.code;

usual(
  "Relay",
  (token) => {
    const { environment, close } = connect(token);
    return {
      run: (name, variables) =>
        name === "start"
          ? mutate(environment, "ChatStartMutation", variables)
          : query(environment, "ChatProjectsQuery", variables),
      listen: (_, variables) => listen(environment, "ChatStreamedSubscription", variables),
      codeOf,
      close,
    };
  },
  { run: "UNAUTHENTICATED", listen: 4403 },
);

/** Fetch a query, keep it in the store, and give a function that reads it from there. */
async function keep(environment, name, variables) {
  const operation = relay.createOperationDescriptor(artifact(name), variables);
  environment.retain(operation);
  await query(environment, name, variables);
  return () => environment.lookup(operation.fragment).data;
}

/** The data of a fragment, read from the store. */
const read = (environment, fragment, reference) =>
  environment.lookup(relay.getSingularSelector(artifact(fragment), reference)).data;

test("Relay pages through the projects, and edits the list", async (t) => {
  const token = await newUser();
  const { environment, close } = connect(token);
  t.after(close);
  const made = [];
  for (let number = 0; number < 5; number += 1) {
    made.unshift((await startProject(token, "[[echo:hello]]")).projectId);
  }
  const root = await keep(environment, "ChatListQuery", { first: 2 });
  const list = () => read(environment, "Chat_list", root()).projects;
  const ids = () => list().edges.map(({ node }) => node.id);
  let pages = 1;
  while (list().pageInfo.hasNextPage) {
    const after = list().pageInfo.endCursor;
    await query(environment, "ChatListPaginationQuery", { first: 2, after });
    pages += 1;
  }
  assert.equal(pages, 3);
  assert.deepEqual(ids(), made);

  const connections = [relay.ConnectionHandler.getConnectionID("client:root", "Chat_projects")];
  const input = { name: "Jam", framework: "VUE" };
  const { createProject } = await mutate(environment, "ChatCreateMutation", { input, connections });
  assert.deepEqual(ids(), [createProject.project.id, ...made]);
  await mutate(environment, "ChatDeleteMutation", { input: { id: made[1] }, connections });
  assert.deepEqual(ids(), [createProject.project.id, made[0], ...made.slice(2)]);
});

test("Relay refetches through node(id) and pages backwards through the messages", async (t) => {
  const token = await newUser();
  const { environment, close } = connect(token);
  t.after(close);
  const made = await mutate(environment, "ChatCreateMutation", {
    input: { name: "Jam", framework: "VUE" },
    connections: [],
  });
  const projectId = made.createProject.project.id;
  const create = `mutation ($input: CreateMessageInput!) {
    createMessage(input: $input) { message { id } }
  }`;
  for (const content of ["first", "second", "third", "fourth", "fifth"]) {
    const answer = await ask(token, create, { input: { to: { projectId }, content } });
    assert.equal(answer.errors, undefined);
  }
  const root = await keep(environment, "ChatProjectQuery", { id: projectId });
  assert.equal(root().node.__typename, "Project");
  const messages = () => read(environment, "Chat_project", root().node.project).messages;
  let pages = 1;
  while (messages().pageInfo.hasPreviousPage) {
    const before = messages().pageInfo.startCursor;
    await query(environment, "ChatProjectPaginationQuery", { id: projectId, last: 2, before });
    pages += 1;
  }
  assert.equal(pages, 3);
  assert.deepEqual(messages().edges.map(({ node }) => node.orderId), [1, 2, 3, 4, 5]);
});

test("Relay's store follows the messages that messageChanged tells of", async (t) => {
  const token = await newUser();
  const { projectId, replyId } = await startProject(token, "Wait [[first:500ms]] [[tokens:5]]");
  const { environment, close } = connect(token);
  t.after(close);
  const root = await keep(environment, "ChatProjectQuery", { id: projectId });
  const reply = () => {
    const { edges } = read(environment, "Chat_project", root().node.project).messages;
    return read(environment, "Chat_message", edges.find(({ node }) => node.id === replyId).node);
  };
  assert.equal(reply().content, "");
  for await (const event of listen(environment, "ChatChangedSubscription", { id: projectId })) {
    assert.ok(event.messageChanged.cursor);
    if (reply().status === "COMPLETE") break;
  }
  assert.equal(reply().content, (await stored(token, replyId)).content);
});

test("Relay resumes a stream after a cursor", async (t) => {
  const token = await newUser();
  const { replyId } = await startProject(token, prompt);
  const { environment, close } = connect(token);
  t.after(close);
  const pieces = [];
  const hear = (after) =>
    listen(environment, "ChatStreamedSubscription", { id: replyId, after });
  for await (const { messageStreamed } of hear(null)) {
    pieces.push(messageStreamed);
    if (pieces.length === 5) break;
  }
  for await (const { messageStreamed } of hear(pieces.at(-1).cursor)) {
    pieces.push(messageStreamed);
  }
  assert.equal(textOf(pieces), (await stored(token, replyId)).content);
});

test("a stranger's row is no node for Relay", async (t) => {
  const { projectId } = await startProject(await newUser());
  const { environment, close } = connect(await newUser());
  t.after(close);
  const root = await keep(environment, "ChatProjectQuery", { id: projectId });
  assert.equal(root().node, null);
});
