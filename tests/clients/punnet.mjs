// The server under test, as `run.mjs` made it known, and users of it.
import { createClient } from "graphql-ws";
import WebSocket from "ws";

export const url = process.env.PUNNET_URL ?? "";
export const wsUrl = url.replace(/^http/, "ws");

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

/** A graphql-ws client; Node has a WebSocket of its own only from version 22. */
export const wsClient = (token, options = {}) =>
  createClient({ url: wsUrl, webSocketImpl: WebSocket, connectionParams: bearer(token), ...options });

/** The text that the pieces of a stream make. */
export const textOf = (pieces) =>
  pieces.reduce((text, piece) => (piece.reset ? "" : text) + piece.text, "");
