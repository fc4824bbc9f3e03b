// Persisted documents: Apollo and urql register them by hash; Apollo, urql and Relay run those that
// their tools wrote into files, on a server that runs no others.
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before } from "node:test";

import { gql, HttpLink } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { generatePersistedQueryIdsFromManifest } from "@apollo/persisted-query-lists";
import { gql as urqlDocument } from "@urql/core";
import relay from "relay-runtime";

import { connect as apollo, sha256 } from "./persisted/apollo.mjs";
import { connect as apolloTrusted } from "./persisted/apollo-trusted.mjs";
import * as documents from "./persisted/app/documents.js";
import { connect as relayTrusted } from "./persisted/relay-trusted.mjs";
import { connect as urql } from "./persisted/urql.mjs";
import { connect as urqlTrusted } from "./persisted/urql-trusted.mjs";
import { bearer, newUser, test, textOf, tool, url, wsClient } from "./punnet.mjs";
import { startProject, stored } from "./scenario.mjs";
import { serve, started, stop } from "./server.mjs";

const folder = "persisted";
const place = (...names) => join(import.meta.dirname, folder, ...names);
const require = createRequire(import.meta.url);

let server;
let trustedUrl;

before(async () => {
  for (const name of ["trusted", "generated", "__generated__"]) {
    rmSync(place(name), { recursive: true, force: true });
    mkdirSync(place(name));
  }
  // relay-compiler adds to a file that is there, and writes what CommonJS can read.
  writeFileSync(place("trusted/relay.json"), "{}");
  writeFileSync(place("__generated__/package.json"), `{ "type": "commonjs" }`);
  await Promise.all([
    tool("generate-persisted-query-manifest", [], { folder }),
    tool("relay-compiler", ["relay.config.json"], { folder }),
    tool("graphql-codegen", ["--config", "codegen.mjs"], { folder }),
  ]);
  copyFileSync(place("generated/persisted-documents.json"), place("trusted/codegen.json"));
  const compiled = ["--ignoreConfig", "--skipLibCheck", "--module", "esnext", "--target", "es2022"];
  await tool("tsc", [...compiled, "generated/graphql.ts"], { folder });
  server = serve(process.env.PYTHON, {
    ...process.env,
    PUNNET_TRUSTED_DOCUMENTS: place("trusted"),
    PUNNET_ONLY_TRUSTED_DOCUMENTS: "true",
    PUNNET_WORKER: "false",
  });
  trustedUrl = await started(server);
});

after(() => stop(server));

/** What a client is given, and what it sent: method, and the body or the URL's parameters. */
function recorded(token, to = url) {
  const sent = [];
  const headers = bearer(token);
  const record = (input, init) => {
    const { method, body } = init;
    const { searchParams } = new URL(input);
    sent.push({ method, ...(body ? JSON.parse(body) : Object.fromEntries(searchParams)) });
    return fetch(input, init);
  };
  return { sent, headers, fetch: record, url: to, uri: to };
}

const unique = () => `Q${crypto.randomUUID().replaceAll("-", "")}`;

test("Apollo sends the text once, and then the hash alone", async () => {
  const { sent, ...options } = recorded(await newUser());
  const client = apollo(options);
  const query = gql(`query ${unique()}($first: Int) { projects(first: $first) { nodes { id } } }`);
  for (const first of [1, 2, 3]) {
    const { data } = await client.query({ query, variables: { first } });
    assert.deepEqual(data.projects.nodes, []);
  }
  assert.deepEqual(sent.map((request) => "query" in request), [false, true, false, false]);
  assert.equal(new Set(sent.map(({ extensions }) => extensions.persistedQuery.sha256Hash)).size, 1);
  client.stop();
});

test("Apollo asks by GET where it is told to", async () => {
  const { sent, ...options } = recorded(await newUser());
  const query = gql(`query ${unique()} { me { anonymous } }`);
  const byGet = new PersistedQueryLink({ sha256, useGETForHashedQueries: true });
  const client = apollo(options);
  client.setLink(byGet.concat(new HttpLink(options)));
  for (let times = 0; times < 2; times += 1) {
    const { data } = await client.query({ query, fetchPolicy: "network-only" });
    assert.equal(data.me.anonymous, true);
  }
  assert.ok(sent.length > 2);
  assert.deepEqual([sent.at(-1).method, "query" in sent.at(-1)], ["GET", false]);
  client.stop();
});

test("urql sends the text once, and then the hash alone", async () => {
  const { sent, headers, ...options } = recorded(await newUser());
  const client = urql({ ...options, fetchOptions: { headers } });
  const text = `query ${unique()}($first: Int) { projects(first: $first) { nodes { id } } }`;
  for (const first of [1, 2, 3]) {
    const { data, error } = await client.query(urqlDocument(text), { first }).toPromise();
    assert.equal(error, undefined);
    assert.deepEqual(data.projects.nodes, []);
  }
  assert.deepEqual(sent.map((request) => "query" in request), [false, true, false, false]);
  assert.equal(sent.at(-1).method, "GET");
});

test("urql changes something by hash", async () => {
  const token = await newUser();
  const { sent, headers, ...options } = recorded(token);
  const client = urql({ ...options, fetchOptions: { headers } });
  const text = `mutation ${unique()}($input: UpdateProjectInput!) {
    updateProject(input: $input) { project { name } }
  }`;
  const { projectId } = await startProject(token);
  for (const name of ["Jam", "Jelly"]) {
    const input = { id: projectId, name };
    const { data } = await client.mutation(urqlDocument(text), { input }).toPromise();
    assert.equal(data.updateProject.project.name, name);
  }
  assert.deepEqual(sent.map(({ method, query }) => [method, Boolean(query)]), [
    ["POST", false],
    ["POST", true],
    ["POST", false],
  ]);
});

const manifest = () => require(place("trusted/apollo.json"));

test("Apollo runs the operations of its manifest, and no others", async () => {
  const token = await newUser();
  const { projectId } = await startProject(token);
  const { sent, ...options } = recorded(token, trustedUrl);
  const client = apolloTrusted(options, manifest);
  const input = { id: projectId, name: "Jam" };
  await client.mutate({ mutation: documents.Rename, variables: { input } });
  const { data } = await client.query({ query: documents.Names, variables: { first: 5 } });
  assert.deepEqual(data.projects.nodes.map(({ name }) => name), ["Jam"]);
  assert.ok(sent.every((request) => !("query" in request)));
  client.stop();

  const free = apollo(options);
  await assert.rejects(free.query({ query: gql`{ me { id } }` }), (error) => {
    assert.equal(error.errors[0].extensions.code, "FORBIDDEN");
    return true;
  });
  assert.equal(sent.length, 3, "there is no use in sending the text");
  free.stop();
});

test("Apollo hears a subscription of its manifest on a WebSocket", async () => {
  const token = await newUser();
  const { replyId } = await startProject(token);
  const { sent: _, ...options } = recorded(token, trustedUrl);
  const socket = wsClient(token, { url: trustedUrl.replace(/^http/, "ws"), retryAttempts: 0 });
  const client = apolloTrusted(options, manifest);
  const ids = generatePersistedQueryIdsFromManifest({ loadManifest: manifest });
  client.setLink(new PersistedQueryLink(ids).concat(new GraphQLWsLink(socket)));
  const pieces = [];
  await new Promise((resolve, reject) => {
    client.subscribe({ query: documents.Streamed, variables: { id: replyId } }).subscribe({
      next: ({ data, error }) => (error ? reject(error) : pieces.push(data.messageStreamed)),
      error: reject,
      complete: resolve,
    });
  });
  assert.equal(textOf(pieces), (await stored(token, replyId)).content);
  client.stop();
  await socket.dispose();
});

test("Relay runs what its compiler persisted", async () => {
  const token = await newUser();
  await startProject(token);
  const environment = relayTrusted({ url: trustedUrl, headers: bearer(token) });
  const query = require(place("__generated__/ChatProjectsQuery.graphql.js"));
  assert.equal(query.params.text, null);
  const data = await relay.fetchQuery(environment, query, { first: 5 }).toPromise();
  assert.equal(data.projects.edges.length, 1);
});

test("urql runs what a code generator persisted", async () => {
  const token = await newUser();
  const { replyId } = await startProject(token);
  const generated = await import("./persisted/generated/graphql.js");
  const { sent, headers, ...options } = recorded(token, trustedUrl);
  const given = { fetchOptions: { headers }, fetchSubscriptions: true };
  const client = urqlTrusted({ ...options, ...given });
  const { data } = await client.query(generated.ProjectsDocument, { first: 5 }).toPromise();
  assert.equal(data.projects.edges.length, 1);
  const pieces = [];
  await new Promise((resolve, reject) => {
    client.subscription(generated.StreamedDocument, { id: replyId }).subscribe((result) => {
      if (result.error) reject(result.error);
      else if (result.hasNext) pieces.push(result.data.messageStreamed);
      else resolve();
    });
  });
  assert.equal(textOf(pieces), (await stored(token, replyId)).content);
  assert.ok(sent.every((request) => !("query" in request)));
});

test("the server that runs only trusted documents tells nobody its schema", async () => {
  const response = await fetch(trustedUrl, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/graphql-response+json",
    },
    body: JSON.stringify({ query: "{ __schema { queryType { name } } }" }),
  });
  assert.equal(response.status, 403);
});
