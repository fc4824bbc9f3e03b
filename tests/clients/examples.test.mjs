// The examples that the README quotes, as a reader runs them.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

import { ask, newUser, test, url } from "./punnet.mjs";

const newest = `{ projects(first: 1) { nodes { id name messages { nodes { id role content } } } } }`;

async function run(token, file, ...args) {
  const node = [process.execPath, "--import", join(import.meta.dirname, "websocket.mjs")];
  const [command, ...before] = file.endsWith(".mjs") ? node : ["sh"];
  const path = join(import.meta.dirname, "examples", file);
  const env = { ...process.env, PUNNET_URL: url, PUNNET_TOKEN: token };
  const { stdout } = await promisify(execFile)(command, [...before, path, ...args], { env });
  return stdout;
}

test("the curl examples read, start a project and stream its answer", async () => {
  const token = await newUser();
  assert.deepEqual(JSON.parse(await run(token, "query.sh")), { data: { projects: { nodes: [] } } });

  const { data } = JSON.parse(await run(token, "mutation.sh"));
  const { project, reply } = data.createProjectWithMessage;
  const stream = await run(token, "subscription.sh", reply.id);
  const events = [...stream.matchAll(/^event: next\ndata: (.*)\n$/gm)].map(([, json]) => json);
  const pieces = events.map((json) => JSON.parse(json).data.messageStreamed);
  assert.ok(stream.trimEnd().endsWith("event: complete\ndata:"));

  const listed = JSON.parse(await run(token, "query.sh")).data.projects.nodes;
  assert.deepEqual(listed.map(({ id }) => id), [project.id]);
  const [{ messages }] = (await ask(token, newest)).data.projects.nodes;
  const text = pieces.map((piece) => piece.text).join("");
  assert.equal(text, messages.nodes.find(({ id }) => id === reply.id).content);
});

for (const file of ["urql.mjs", "apollo.mjs", "graphql-ws.mjs"]) {
  test(`the example ${file} shows the projects, a new one and its answer`, async () => {
    const token = await newUser();
    await run(token, "mutation.sh");
    const before = (await ask(token, newest)).data.projects.nodes[0];
    const shown = await run(token, file);
    const made = (await ask(token, newest)).data.projects.nodes[0];
    assert.notEqual(made.id, before.id);
    assert.match(shown, new RegExp(`${before.id}[^]*${made.id}`));
    assert.ok(shown.trimEnd().endsWith(made.messages.nodes[1].content.trimEnd()));
  });
}
