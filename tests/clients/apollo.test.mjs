// Apollo Client: HttpLink for queries and mutations, GraphQLWsLink for subscriptions.
import assert from "node:assert/strict";

import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { CombinedGraphQLErrors } from "@apollo/client/errors";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { relayStylePagination } from "@apollo/client/utilities";
import { OperationTypeNode } from "graphql";

import { bearer, newUser, test, textOf, until, url, wsClient } from "./punnet.mjs";
import { collect, documents, startProject, stored, usual } from "./scenario.mjs";

function connect(token) {
  const socket = wsClient(token, { retryAttempts: 0 });
  const link = ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(socket),
    new HttpLink({ uri: url, headers: bearer(token) }),
  );
  const cache = new InMemoryCache({
    possibleTypes: { Node: ["Project", "Message", "Fragment"] },
    typePolicies: { Query: { fields: { projects: relayStylePagination() } } },
  });
  const client = new ApolloClient({ link, cache });
  const close = () => {
    client.stop();
    return socket.dispose();
  };
  return { client, close };
}

/** The data of each event, as an async iterable. */
async function* each(observable) {
  const events = [];
  let wake = () => {};
  const push = (event) => {
    events.push(event);
    wake();
  };
  const subscription = observable.subscribe({
    next: ({ data, error }) => push(error ? { error } : { data }),
    error: (error) => push({ error }),
    complete: () => push({ done: true }),
  });
  try {
    for (;;) {
      while (!events.length) await new Promise((resolve) => (wake = resolve));
      const { data, error, done } = events.shift();
      if (error) throw error;
      if (done) return;
      yield data;
    }
  } finally {
    subscription.unsubscribe();
  }
}

function codeOf(error) {
  if (CombinedGraphQLErrors.is(error)) return error.errors[0].extensions.code;
  // GraphQLWsLink tells of a closed socket in words.
  return Number(/Socket closed with event (\d+)/.exec(error.message)?.[1]);
}

usual(
  "Apollo",
  (token) => {
    const { client, close } = connect(token);
    const run = {
      projects: (query, variables) =>
        client.query({ query, variables, fetchPolicy: "network-only" }),
      start: (mutation, variables) => client.mutate({ mutation, variables }),
    };
    return {
      run: async (name, variables) => (await run[name](gql(documents[name]), variables)).data,
      listen: (name, variables) =>
        each(client.subscribe({ query: gql(documents[name]), variables })),
      codeOf,
      close,
    };
  },
  { run: "UNAUTHENTICATED", listen: 4403 },
);

test("Apollo resumes a stream after a cursor", async (t) => {
  const token = await newUser();
  const { replyId } = await startProject(token);
  const { client, close } = connect(token);
  t.after(close);
  const pieces = [];
  const listen = (after) =>
    each(client.subscribe({ query: gql(documents.streamed), variables: { id: replyId, after } }));
  for await (const { messageStreamed } of listen(null)) {
    pieces.push(messageStreamed);
    if (pieces.length === 5) break;
  }
  for await (const { messageStreamed } of listen(pieces.at(-1).cursor)) {
    pieces.push(messageStreamed);
  }
  assert.equal(textOf(pieces), (await stored(token, replyId)).content);
});

test("Apollo's relayStylePagination pages through the projects", async (t) => {
  const token = await newUser();
  const { client, close } = connect(token);
  t.after(close);
  const made = [];
  for (let number = 0; number < 5; number += 1) {
    made.unshift((await startProject(token, "[[echo:hello]]")).projectId);
  }
  const asked = { query: gql(documents.projects), variables: { first: 2 } };
  let page = await client.query(asked);
  const watched = client.watchQuery(asked);
  let shown = [];
  const subscription = watched.subscribe(({ data }) => (shown = data.projects.edges));
  t.after(() => subscription.unsubscribe());
  let pages = 1;
  while (page.data.projects.pageInfo.hasNextPage) {
    const { endCursor } = page.data.projects.pageInfo;
    page = await watched.fetchMore({ variables: { after: endCursor } });
    pages += 1;
  }
  assert.equal(pages, 3);
  await until(() => shown.length === made.length);
  assert.deepEqual(shown.map(({ node }) => node.id), made);
});

test("Apollo's cache holds each row once, by its id", async (t) => {
  const token = await newUser();
  const { projectId } = await startProject(token);
  const { client, close } = connect(token);
  t.after(close);
  await client.query({ query: gql(documents.projects), variables: { first: 2 } });
  const names = [];
  const query = gql`
    query ($id: ID!) { node(id: $id) { id ... on Project { name framework } } }
  `;
  const watched = client.watchQuery({ query, variables: { id: projectId } });
  const subscription = watched.subscribe(({ data }) => data && names.push(data.node.name));
  t.after(() => subscription.unsubscribe());
  await client.mutate({
    mutation: gql`
      mutation ($input: UpdateProjectInput!) {
        updateProject(input: $input) { project { id name } }
      }
    `,
    variables: { input: { id: projectId, name: "Jam" } },
  });
  const { data } = await client.query({
    query: gql(documents.projects),
    variables: { first: 2 },
    fetchPolicy: "cache-only",
  });
  assert.equal(data.projects.edges[0].node.name, "Jam");
  assert.equal(client.cache.extract()[`Project:${projectId}`].name, "Jam");
  await until(() => names.at(-1) === "Jam");
});

test("Apollo's cache follows the messages that messageChanged tells of", async (t) => {
  const token = await newUser();
  const { projectId, replyId } = await startProject(token, "Wait [[first:500ms]] [[tokens:5]]");
  const { client, close } = connect(token);
  t.after(close);
  const variables = { id: replyId };
  const before = await client.query({ query: gql(documents.message), variables });
  assert.equal(before.data.message.content, "");
  const changes = gql`
    subscription ($id: ID!) {
      messageChanged(of: { projectId: $id }) { cursor node { id status content } }
    }
  `;
  const events = each(client.subscribe({ query: changes, variables: { id: projectId } }));
  for await (const { messageChanged } of events) {
    if (messageChanged.node?.id === replyId && messageChanged.node.status === "COMPLETE") break;
  }
  const fetchPolicy = "cache-only";
  const after = await client.query({ query: gql(documents.message), variables, fetchPolicy });
  assert.deepEqual(
    [after.data.message.status, after.data.message.content],
    ["COMPLETE", (await stored(token, replyId)).content],
  );
});

test("Apollo gets a partial answer with its error", async (t) => {
  const { client, close } = connect(await newUser());
  t.after(close);
  const { data, error } = await client.query({
    query: gql`{ models { id available } projects(first: 101) { nodes { id } } me { id } }`,
    errorPolicy: "all",
  });
  assert.equal(codeOf(error), "INVALID");
  assert.equal(data?.projects ?? null, null);
});
