// Starts `punnet serve` as a process of its own, and stops it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { createInterface } from "node:readline";

const STARTS_WITHIN = 60_000; // ms: the first start makes a database
const STOPS_WITHIN = 15_000; // ms

export const root = resolve(import.meta.dirname, "../..");

/** Start a server with these settings; in a process group of its own, so Ctrl-C passes it by. */
export const serve = (python, settings) =>
  spawn(python, ["-m", "app", "serve"], {
    cwd: root,
    env: settings,
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });

/** The URL of a server's endpoint once it answers; throws what it logged if it does not. */
export async function started(server) {
  const log = [];
  const timer = setTimeout(() => server.kill("SIGKILL"), STARTS_WITHIN);
  for await (const line of createInterface({ input: server.stderr })) {
    log.push(line);
    const { event, host, port } = line.startsWith("{") ? JSON.parse(line) : {};
    if (event === "serving") {
      clearTimeout(timer);
      server.stderr.resume();
      return `http://${host}:${port}/graphql`;
    }
  }
  throw new Error(`The server did not start:\n${log.join("\n")}`);
}

/** Stop a server; returns when it is gone. */
export async function stop(server) {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const timer = setTimeout(() => server.kill("SIGKILL"), STOPS_WITHIN);
  server.kill("SIGTERM");
  await once(server, "exit");
  clearTimeout(timer);
}
