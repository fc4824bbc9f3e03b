/* The API: queries and mutations over HTTP, subscriptions over one WebSocket. */

import { createClient } from "/static/vendor/graphql-ws-6.4.2/client.js";

const ENDPOINT = "/graphql";
const FIRST_WAIT = 300; // milliseconds before a lost stream is tried again
const LONGEST_WAIT = 8_000;
const PING = 10_000;
const PROBE = 2_000;
const REFUSED = new Set([4400, 4401, 4403, 4406]); // closed for good: trying again is no use

/** What the server refused, with its code and `extensions`. */
export class Refused extends Error {
  constructor(errors) {
    super(errors[0].message);
    this.extensions = errors[0].extensions ?? {};
    this.code = this.extensions.code;
  }
}

/** The server could not be reached. */
export class Unreachable extends Error {
  constructor() {
    super("The server can’t be reached. Please try again.");
  }
}

let token = null;
let socket = null;
let probing = 0;
const watchers = new Set();

/** Has everything from now on asked in the name of who holds the token; null: of nobody. */
export function speakFor(given) {
  if (given === token) return;
  token = given;
  socket?.dispose();
  socket = null;
}

/** Tells whether the server can be reached, each time that is found out. */
export function onReach(watcher) {
  watchers.add(watcher);
}

/** Tells it; while the server is out of reach, asks for nothing now and then. */
function reached(well) {
  for (const watcher of watchers) watcher(well);
  clearTimeout(probing);
  if (!well) probing = setTimeout(() => ask("{ __typename }").catch(() => {}), PROBE);
}

window.addEventListener("offline", () => reached(false));

/** The data of a query or mutation. Rejects with Refused or Unreachable. */
export async function ask(query, variables = {}) {
  const headers = {
    "content-type": "application/json",
    accept: "application/graphql-response+json",
    ...(token ? { authorization: `Bearer ${token}` } : {}),
  };
  let answer;
  try {
    const body = JSON.stringify({ query, variables });
    const response = await fetch(ENDPOINT, { method: "POST", headers, body });
    answer = await response.json();
  } catch {
    reached(false);
    throw new Unreachable();
  }
  reached(true);
  if (answer.errors) throw new Refused(answer.errors);
  return answer.data;
}

/** A new key: a mutation that is repeated with it happens once. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // randomUUID is for HTTPS only
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Follows a subscription through every break, until it ends or is refused.
 *
 * `variables()` is asked before each try, so that a stream goes on from its newest cursor.
 * Returns a function that ends it.
 */
export function follow(query, variables, { event, ended = () => {}, refused = () => {} }) {
  let over = false;
  let tries = 0;
  let leave = () => {};
  let timer = 0;

  const finish = (tell, value) => {
    if (over) return;
    over = true;
    tell(value);
  };
  const next = ({ data, errors }) => {
    if (over) return;
    tries = 0;
    if (errors) finish(refused, new Refused(errors));
    else event(Object.values(data)[0]);
  };
  const error = (why) => {
    if (over) return;
    if (Array.isArray(why)) finish(refused, new Refused(why));
    else if (REFUSED.has(why.code)) finish(refused, new Refused([{ message: why.reason }]));
    else timer = setTimeout(start, wait(tries++));
  };

  function start() {
    timer = 0;
    const payload = { query, variables: variables() };
    leave = client().subscribe(payload, { next, error, complete: () => finish(ended) });
  }

  const hurry = () => {
    if (timer === 0 || over) return;
    clearTimeout(timer);
    start();
  };
  window.addEventListener("online", hurry);
  start();
  return () => {
    over = true;
    clearTimeout(timer);
    window.removeEventListener("online", hurry);
    leave();
  };
}

/** Milliseconds before another try, each time longer; not the same for all clients. */
function wait(tries) {
  return Math.min(FIRST_WAIT * 2 ** tries, LONGEST_WAIT) * (0.75 + Math.random() / 2);
}

function client() {
  socket ??= openSocket();
  return socket;
}

/** A client that does not try again by itself: it would repeat the old cursor. */
function openSocket() {
  let raw = null;
  let unanswered = 0;
  return createClient({
    url: new URL(ENDPOINT, location.href).href.replace(/^http/, "ws"),
    connectionParams: token ? { authorization: `Bearer ${token}` } : {},
    retryAttempts: 0,
    lazyCloseTimeout: 3_000,
    keepAlive: PING,
    on: {
      opened: (opened) => (raw = opened),
      connected: () => reached(true),
      ping: (received) => {
        if (!received) unanswered = setTimeout(() => raw?.close(4499, "No answer"), PING / 2);
      },
      pong: (received) => received && clearTimeout(unanswered),
      closed: (why) => {
        clearTimeout(unanswered);
        if (why.code !== 1000) reached(false);
      },
    },
  });
}
