// What every client must be able to do. Each test file says how its client does it.
import assert from "node:assert/strict";

import { ask, badToken, newUser, test, textOf } from "./punnet.mjs";

export const documents = {
  projects: `query Projects($first: Int, $after: String) {
    projects(first: $first, after: $after) {
      edges { cursor node { id name framework createdAt } }
      pageInfo { hasNextPage endCursor }
    }
  }`,
  start: `mutation Start($input: CreateProjectWithMessageInput!) {
    createProjectWithMessage(input: $input) {
      project { id name }
      message { id content }
      reply { id status content }
    }
  }`,
  streamed: `subscription Streamed($id: ID!, $after: String) {
    messageStreamed(messageId: $id, after: $after) { part kind text cursor reset }
  }`,
  message: `query Message($id: ID!) { message(id: $id) { id status content } }`,
};

/** A prompt whose answer takes about a second, in many pieces. */
export const prompt = "Say something [[tokens:150]] [[delay:5ms]]";

/** Start a project by a plain POST; the ids of the project and of the answer. */
export async function startProject(token, content = prompt) {
  const answer = await ask(token, documents.start, { input: { content } });
  const { project, reply } = answer.data.createProjectWithMessage;
  return { projectId: project.id, replyId: reply.id };
}

/** The message as it is stored. */
export async function stored(token, id) {
  const answer = await ask(token, documents.message, { id });
  return answer.data.message;
}

export async function collect(events) {
  const found = [];
  for await (const event of events) found.push(event);
  return found;
}

const withCode = { run: "UNAUTHENTICATED", listen: "UNAUTHENTICATED" };

/**
 * Tests of one client. `connect(token)` gives `{ run, listen, codeOf, close }`: `run(name,
 * variables)` gives the data of the query or mutation of that name above, `listen` an async
 * iterable of a subscription's data; both throw what `codeOf` finds the code in.
 *
 * `refused` is what a token that does not hold looks like there: a close code over WebSockets.
 */
export function usual(client, connect, refused = withCode) {
  const as = async (t, token) => {
    const connected = await connect(token);
    t.after(() => connected.close());
    return connected;
  };
  const refusedWith = (connected, code) => (error) => {
    assert.equal(connected.codeOf(error), code);
    return true;
  };

  test(`${client} starts a project, hears the answer and lists the project`, async (t) => {
    const token = await newUser();
    const { run, listen } = await as(t, token);

    const empty = await run("projects", { first: 10 });
    assert.deepEqual(empty.projects.edges, []);

    const made = await run("start", { input: { content: prompt } });
    const { project, message, reply } = made.createProjectWithMessage;
    assert.equal(message.content, prompt);
    assert.deepEqual([reply.status, reply.content], ["PENDING", ""]);

    const events = await collect(listen("streamed", { id: reply.id }));
    const whole = await stored(token, reply.id);
    assert.equal(whole.status, "COMPLETE");
    assert.equal(textOf(events.map((event) => event.messageStreamed)), whole.content);
    assert.ok(events.length > 5, `it came in ${events.length} pieces`);
    assert.ok(whole.content.length > 300);

    const listed = await run("projects", { first: 5 });
    assert.deepEqual(
      listed.projects.edges.map(({ node }) => [node.id, node.name]),
      [[project.id, project.name]],
    );
  });

  test(`${client} reads the code of an error`, async (t) => {
    const user = await as(t, await newUser());
    await assert.rejects(
      user.run("start", { input: { content: "" } }),
      refusedWith(user, "INVALID"),
    );
    await assert.rejects(user.run("projects", { first: 101 }), refusedWith(user, "INVALID"));
    await assert.rejects(
      user.run("projects", { first: 1, after: "made up" }),
      refusedWith(user, "INVALID"),
    );
  });

  test(`${client} hears nothing of a stranger's message`, async (t) => {
    const { replyId } = await startProject(await newUser());
    const stranger = await as(t, await newUser());
    await assert.rejects(
      collect(stranger.listen("streamed", { id: replyId })),
      refusedWith(stranger, "NOT_FOUND"),
    );
  });

  test(`${client} signed out reads nothing and changes nothing`, async (t) => {
    const nobody = await as(t, null);
    const listed = await nobody.run("projects", { first: 5 });
    assert.deepEqual(listed.projects.edges, []);
    await assert.rejects(
      nobody.run("start", { input: { content: prompt } }),
      refusedWith(nobody, "UNAUTHENTICATED"),
    );
  });

  test(`${client} is refused with a token that does not hold`, async (t) => {
    const impostor = await as(t, badToken);
    await assert.rejects(
      impostor.run("projects", { first: 5 }),
      refusedWith(impostor, refused.run),
    );
    await assert.rejects(
      collect(impostor.listen("streamed", { id: "msg_00000000000000000000000000" })),
      refusedWith(impostor, refused.listen),
    );
  });
}
