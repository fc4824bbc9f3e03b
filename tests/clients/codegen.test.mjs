// The schema as tools see it: introspection by GraphQL.js, types by GraphQL Code Generator, and a
// front end that the TypeScript compiler checks against them.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { before } from "node:test";

import * as graphql from "graphql";

import { ask, test, tool } from "./punnet.mjs";

const folder = "codegen";
const schemaFile = join(import.meta.dirname, "../../schema.graphql");
const written = (place) => {
  const path = join(import.meta.dirname, folder, place);
  return Object.fromEntries(
    readdirSync(path).map((name) => [name, readFileSync(join(path, name), "utf8")]),
  );
};

before(async () => {
  for (const place of ["generated", "introspected"]) {
    rmSync(join(import.meta.dirname, folder, place), { recursive: true, force: true });
  }
  await tool("graphql-codegen", ["--config", "codegen.mjs"], { folder });
});

test("the server describes itself as schema.graphql does", async () => {
  const query = graphql.getIntrospectionQuery({
    specifiedByUrl: true,
    directiveIsRepeatable: true,
    schemaDescription: true,
    inputValueDeprecation: true,
    oneOf: true,
  });
  const { data } = await ask(null, query);
  const sorted = (schema) => graphql.printSchema(graphql.lexicographicSortSchema(schema));
  const served = sorted(graphql.buildClientSchema(data)).split("\n");
  const kept = sorted(graphql.buildSchema(readFileSync(schemaFile, "utf8"))).split("\n");
  assert.deepEqual(served.filter((line) => !kept.includes(line)), []);
  assert.deepEqual(served, kept);
});

test("codegen makes the same types from the server as from schema.graphql", () => {
  const generated = written("generated");
  assert.deepEqual(Object.keys(generated).sort(), [
    "fragment-masking.ts",
    "gql.ts",
    "graphql.ts",
    "index.ts",
  ]);
  assert.match(generated["graphql.ts"], /export type SendMessageInput/);
  const introspected = written("introspected");
  for (const [name, text] of Object.entries(generated)) {
    assert.ok(introspected[name] === text, `${name} differs`);
  }
});

test("a front end compiles with the generated types", async () => {
  await tool("tsc", ["--project", "tsconfig.json"], { folder });
});
