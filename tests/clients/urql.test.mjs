// urql: queries and mutations by its fetchExchange, subscriptions in each of its three ways.
import assert from "node:assert/strict";

import { cacheExchange, Client, fetchExchange, gql, subscriptionExchange } from "@urql/core";
import { createClient as createSseClient } from "graphql-sse";
import { pipe, toAsyncIterable } from "wonka";

import { bearer, newUser, test, textOf, until, url, wsClient } from "./punnet.mjs";
import { collect, documents, startProject, stored, usual } from "./scenario.mjs";

const forwardTo = (client) =>
  subscriptionExchange({
    forwardSubscription: ({ query = "", variables }) => ({
      subscribe: (sink) => ({ unsubscribe: client.subscribe({ query, variables }, sink) }),
    }),
  });

// urql reads by GET. Browsers then say from where; Node does not, so a header must, or the token.
const preflight = { "graphql-require-preflight": "1" };

const urql = (token, subscriptions) =>
  new Client({
    url,
    fetchOptions: { headers: { ...preflight, ...bearer(token) } },
    ...subscriptions,
  });

function overSocket(token) {
  const socket = wsClient(token, { retryAttempts: 0 });
  const exchanges = [cacheExchange, fetchExchange, forwardTo(socket)];
  return { client: urql(token, { exchanges }), close: () => socket.dispose() };
}

function overStreams(token) {
  const sse = createSseClient({ url, headers: bearer(token), retryAttempts: 0 });
  const exchanges = [cacheExchange, fetchExchange, forwardTo(sse)];
  return { client: urql(token, { exchanges }), close: () => sse.dispose() };
}

function alone(token) {
  const exchanges = [cacheExchange, fetchExchange];
  return { client: urql(token, { exchanges, fetchSubscriptions: true }), close: () => {} };
}

/** `refused` is what a subscription with a token that does not hold ends with. */
const ways = {
  "graphql-ws": { connect: overSocket, refused: 4403 },
  "graphql-sse": { connect: overStreams, refused: 401 },
  "its own event streams": { connect: alone, refused: "UNAUTHENTICATED" },
};

function dataOf({ data, error }) {
  if (error) throw error;
  return data;
}

/** The data of each result of a subscription. */
async function* each(source) {
  for await (const result of pipe(source, toAsyncIterable)) {
    // urql ends a subscription with its last result once more, which has nothing next.
    if (result.error || result.hasNext) yield dataOf(result);
  }
}

const codeOf = ({ graphQLErrors, networkError }) =>
  graphQLErrors[0]?.extensions.code ?? networkError.code ?? networkError.response?.status;

for (const [way, { connect, refused }] of Object.entries(ways)) {
  usual(
    `urql with ${way}`,
    (token) => {
      const { client, close } = connect(token);
      const operations = { projects: "query", start: "mutation" };
      return {
        run: async (name, variables) =>
          dataOf(await client[operations[name]](gql(documents[name]), variables).toPromise()),
        listen: (name, variables) =>
          each(client.subscription(gql(documents[name]), variables)),
        codeOf,
        close,
      };
    },
    { run: "UNAUTHENTICATED", listen: refused },
  );

  test(`urql with ${way} goes on after a cursor`, async (t) => {
    const token = await newUser();
    const { replyId } = await startProject(token);
    const { client, close } = connect(token);
    t.after(close);
    const pieces = [];
    const listen = (after) =>
      each(client.subscription(gql(documents.streamed), { id: replyId, after }));
    for await (const { messageStreamed } of listen(null)) {
      pieces.push(messageStreamed);
      if (pieces.length === 5) break;
    }
    for await (const { messageStreamed } of listen(pieces.at(-1).cursor)) {
      pieces.push(messageStreamed);
    }
    const { content } = await stored(token, replyId);
    assert.equal(textOf(pieces), content);
    for await (const { messageStreamed } of listen(pieces.at(-1).cursor)) {
      pieces.push(messageStreamed);
    }
    assert.equal(textOf(pieces), content);
  });
}

test("urql's cache knows a project again by its id when it was changed", async () => {
  const token = await newUser();
  const { projectId } = await startProject(token);
  const { client } = alone(token);
  const names = [];
  const query = gql`query ($id: ID!) { project(id: $id) { id name } }`;
  const watched = client
    .query(query, { id: projectId })
    .subscribe(({ data }) => data && names.push(data.project.name));
  const rename = gql`
    mutation ($input: UpdateProjectInput!) { updateProject(input: $input) { project { id name } } }
  `;
  await client.query(query, { id: projectId }).toPromise();
  dataOf(await client.mutation(rename, { input: { id: projectId, name: "Jam" } }).toPromise());
  await until(() => names.at(-1) === "Jam");
  watched.unsubscribe();
});

test("urql reads by GET with a token, or with the header", async () => {
  const me = async (headers) => {
    const client = new Client({ url, exchanges: [fetchExchange], fetchOptions: { headers } });
    const { data, error } = await client.query(gql`{ me { anonymous } }`, {}).toPromise();
    return error ? codeOf(error) : data.me;
  };
  assert.deepEqual(await me(bearer(await newUser())), { anonymous: true });
  assert.equal(await me(preflight), null);
  assert.equal(await me({}), "FORBIDDEN");
});
