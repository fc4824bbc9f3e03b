// graphql-sse alone, with one event stream per operation ("distinct connections mode").
import assert from "node:assert/strict";

import { createClient } from "graphql-sse";

import { bearer, newUser, test, textOf, url } from "./punnet.mjs";
import { collect, documents, startProject, stored, usual } from "./scenario.mjs";

async function* data(results) {
  for await (const result of results) {
    if (result.errors) throw result.errors;
    yield result.data;
  }
}

usual(
  "graphql-sse",
  (token) => {
    const client = createClient({ url, headers: () => bearer(token), retryAttempts: 0 });
    const listen = (name, variables) =>
      data(client.iterate({ query: documents[name], variables }));
    return {
      listen,
      run: async (name, variables) => (await collect(listen(name, variables)))[0],
      codeOf: (error) => error.response?.status ?? error[0].extensions.code,
      close: () => client.dispose(),
    };
  },
  // A stream that is not let in is an HTTP answer, and this client tells its status alone.
  { run: 401, listen: 401 },
);

test("graphql-sse goes on by itself after a cut, and nothing is missing or repeated", async () => {
  const token = await newUser();
  const { replyId } = await startProject(token, "Go on [[tokens:300]] [[delay:5ms]]");
  let connections = 0;
  let cut;
  const client = createClient({
    url,
    headers: bearer(token),
    retry: async () => {},
    // A network that can be cut: what the client reads ends with an error.
    fetchFn: async (input, init) => {
      const response = await fetch(input, init);
      connections += 1;
      const lossy = new TransformStream({
        start: (controller) => (cut = () => controller.error(new TypeError("network lost"))),
      });
      response.body.pipeTo(lossy.writable).catch(() => {});
      return new Response(lossy.readable, response);
    },
  });
  const pieces = [];
  // graphql-sse sends the variables anew after each reconnect, so a getter is all it takes.
  const variables = {
    id: replyId,
    get after() {
      return pieces.at(-1)?.cursor;
    },
  };
  for await (const { data } of client.iterate({ query: documents.streamed, variables })) {
    pieces.push(data.messageStreamed);
    if ([3, 10].includes(pieces.length)) cut();
  }
  assert.equal(connections, 3);
  assert.equal(textOf(pieces), (await stored(token, replyId)).content);
});

test("graphql-sse is told when there is nothing left to hear", async () => {
  const token = await newUser();
  const { replyId } = await startProject(token, "[[echo:short]]");
  const client = createClient({ url, headers: bearer(token) });
  const listen = (after) =>
    collect(client.iterate({ query: documents.streamed, variables: { id: replyId, after } }));
  const all = (await listen()).map(({ data }) => data.messageStreamed);
  assert.equal(textOf(all), "short");
  const rest = (await listen(all.at(-1).cursor)).map(({ data }) => data.messageStreamed);
  // One piece without text: urql, for one, takes a stream without any event for a failure.
  assert.deepEqual(rest.map(({ text, reset }) => [text, reset]), [["", false]]);
});
