// graphql-ws alone: queries, mutations and subscriptions over one WebSocket.
import assert from "node:assert/strict";

import { badToken, bearer, newUser, test, textOf, wsClient } from "./punnet.mjs";
import { collect, documents, startProject, stored, usual } from "./scenario.mjs";

async function* data(results) {
  for await (const result of results) {
    if (result.errors) throw result.errors;
    yield result.data;
  }
}

usual(
  "graphql-ws",
  (token) => {
    const client = wsClient(token, { retryAttempts: 0 });
    const listen = (name, variables) =>
      data(client.iterate({ query: documents[name], variables }));
    return {
      listen,
      run: async (name, variables) => (await collect(listen(name, variables)))[0],
      codeOf: (error) => error.code ?? error[0].extensions.code,
      close: () => client.dispose(),
    };
  },
  { run: 4403, listen: 4403 },
);

test("graphql-ws goes on by itself after a cut, and nothing is missing or repeated", async () => {
  const token = await newUser();
  const { replyId } = await startProject(token, "Go on [[tokens:300]] [[delay:5ms]]");
  let socket;
  let connections = 0;
  const client = wsClient(token, {
    retryWait: async () => {},
    on: { connected: (opened) => ((socket = opened), (connections += 1)) },
  });
  const pieces = [];
  // graphql-ws sends the variables anew after each reconnect, so a getter is all it takes.
  const variables = {
    id: replyId,
    get after() {
      return pieces.at(-1)?.cursor;
    },
  };
  for await (const { data } of client.iterate({ query: documents.streamed, variables })) {
    pieces.push(data.messageStreamed);
    if ([3, 10, 11].includes(pieces.length)) socket.terminate();
  }
  await client.dispose();
  assert.equal(connections, 4);
  assert.ok(pieces.every((piece) => !piece.reset));
  assert.equal(textOf(pieces), (await stored(token, replyId)).content);
});

test("graphql-ws resumes from a cursor after the end", async () => {
  const token = await newUser();
  const { replyId } = await startProject(token);
  const client = wsClient(token);
  const listen = (after) =>
    collect(client.iterate({ query: documents.streamed, variables: { id: replyId, after } }));
  const all = (await listen()).map(({ data }) => data.messageStreamed);
  const { content } = await stored(token, replyId);
  assert.equal(textOf(all), content);
  for (const seen of [1, Math.floor(all.length / 2), all.length]) {
    const rest = (await listen(all[seen - 1].cursor)).map(({ data }) => data.messageStreamed);
    assert.equal(textOf([...all.slice(0, seen), ...rest]), content);
  }
  await client.dispose();
});

test("graphql-ws is told by the close code that its token does not hold", async () => {
  const codes = [];
  const client = wsClient(badToken, {
    retryAttempts: 0,
    on: { closed: ({ code }) => codes.push(code) },
  });
  await assert.rejects(collect(client.iterate({ query: "{ me { id } }" })), { code: 4403 });
  assert.deepEqual(codes, [4403]);
});

test("graphql-ws may come back with a better token", async () => {
  const tokens = [badToken, await newUser()];
  const client = wsClient(null, {
    connectionParams: async () => bearer(tokens.shift()),
    retryWait: async () => {},
  });
  const [{ data }] = await collect(client.iterate({ query: "{ me { anonymous } }" }));
  assert.deepEqual(data, { me: { anonymous: true } });
  await client.dispose();
});

test("graphql-ws runs several operations on one socket and stops one of them", async () => {
  const token = await newUser();
  let connections = 0;
  const client = wsClient(token, {
    lazyCloseTimeout: 5_000,
    keepAlive: 200,
    on: { connected: () => (connections += 1) },
  });
  const answers = await Promise.all([startProject(token), startProject(token)]);
  const listen = ({ replyId }) =>
    client.iterate({ query: documents.streamed, variables: { id: replyId } });
  for await (const { data } of listen(answers[0])) {
    assert.ok(data.messageStreamed.cursor);
    break;
  }
  const texts = await Promise.all(answers.map((answer) => collect(listen(answer))));
  for (const [index, { replyId }] of answers.entries()) {
    const pieces = texts[index].map(({ data }) => data.messageStreamed);
    assert.equal(textOf(pieces), (await stored(token, replyId)).content);
  }
  assert.equal(connections, 1);
  await client.dispose();
});

test("graphql-ws hears of each change of a project's messages", async () => {
  const token = await newUser();
  const { projectId, replyId } = await startProject(token, "Wait [[first:1s]] [[tokens:5]]");
  const client = wsClient(token);
  const query = `subscription ($id: ID!) {
    messageChanged(of: { projectId: $id }) { node { id status } deletedId cursor reset }
  }`;
  const seen = [];
  for await (const { data } of client.iterate({ query, variables: { id: projectId } })) {
    const { node } = data.messageChanged;
    if (node?.id === replyId) seen.push(node.status);
    if (node?.status === "COMPLETE" && node.id === replyId) break;
  }
  assert.equal(seen.at(-1), "COMPLETE");
  await client.dispose();
});
