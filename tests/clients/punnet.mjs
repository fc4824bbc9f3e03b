// The server under test, as `run.mjs` made it known, and users of it.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test as nodeTest } from "node:test";
import { promisify } from "node:util";

import { createClient } from "graphql-ws";
import WebSocket from "ws";

import "./websocket.mjs";

export const url = process.env.PUNNET_URL ?? "";
export const wsUrl = url.replace(/^http/, "ws");

/** A test that fails when a stream never ends. */
export const test = (name, run) => nodeTest(name, { timeout: 20_000 }, run);

/** A token that nobody signed. */
export const badToken = "eyJhbGciOiJIUzI1NiIsImtpZCI6ImRldiJ9.eyJzdWIiOiJkZW1vIn0.AAAA";

/** The header that says who asks; none without a token. */
export const bearer = (token) => (token ? { authorization: `Bearer ${token}` } : {});

/** The whole answer of a plain POST: the judge of what the clients under test tell. */
export async function ask(token, query, variables = {}) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...bearer(token) },
    body: JSON.stringify({ query, variables }),
  });
  return response.json();
}

/** The token of a new user, whom no other test knows. */
export async function newUser() {
  const { data } = await ask(null, `mutation { createGuest(input: { name: "Ada" }) { token } }`);
  return data.createGuest.token;
}

/** A graphql-ws client; the sockets of `ws` can be cut. */
export const wsClient = (token, options = {}) =>
  createClient({ url: wsUrl, webSocketImpl: WebSocket, connectionParams: bearer(token), ...options });

/** The text that the pieces of a stream make. */
export const textOf = (pieces) =>
  pieces.reduce((text, piece) => (piece.reset ? "" : text) + piece.text, "");

/** Wait until something is so; throws after five seconds. */
export async function until(condition) {
  for (let tries = 0; !condition(); tries += 1) {
    if (tries === 500) throw new Error(`it never came to ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Run a tool that npm installed, in a folder below this one; throws what it said if it fails. */
export async function tool(name, args, { folder }) {
  const file = join(import.meta.dirname, "node_modules/.bin", name);
  const options = {
    cwd: join(import.meta.dirname, folder),
    env: { ...process.env, NO_COLOR: "1" },
  };
  try {
    return await promisify(execFile)(file, args, options);
  } catch ({ stdout, stderr }) {
    throw new Error(`${name} failed:\n${stdout}${stderr}`);
  }
}
