// Starts a Punnet of its own on an empty database, runs the clients' tests against it and stops it.
//
//   PYTHON=../../.venv/bin/python node run.mjs [files]
//
// The exit code is that of `node --test`; its summary is the last thing printed.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { root, serve, started, stop } from "./server.mjs";

const TESTED_WITHIN = 90_000; // ms, of one file

const here = import.meta.dirname;
// With a slash it is a path, seen from where the command was given; else a name to look up.
const given = process.env.PYTHON ?? join(root, ".venv/bin/python");
const python = given.includes("/") ? resolve(given) : given;
const folder = mkdtempSync(join(tmpdir(), "punnet-"));
const settings = {
  ...process.env,
  PUNNET_DEV: "true",
  PUNNET_PORT: "0",
  PUNNET_DATA_DIR: folder,
  PUNNET_DAILY_LIMITS: "false", // more is sent than a guest may in a day
  PUNNET_RATE_LIMITS: JSON.stringify({ message: 0 }), // and in a minute
  PUNNET_COST_PER_MINUTE: "0",
};
delete settings.PUNNET_DATABASE_URL;

async function test(url) {
  const token = execFileSync(python, ["-m", "app", "token"], { cwd: root, env: settings });
  const asked = process.argv.slice(2);
  const files = asked.length
    ? asked.map((file) => resolve(file))
    : readdirSync(here).filter((name) => name.endsWith(".test.mjs"));
  const env = { ...settings, PUNNET_URL: url, PUNNET_TOKEN: String(token).trim(), PYTHON: python };
  // Sockets that a failed test left open must not hang the run.
  const limits = ["--test-concurrency=2", `--test-timeout=${TESTED_WITHIN}`, "--test-force-exit"];
  const tests = spawn(process.execPath, ["--test", "--test-reporter=spec", ...limits, ...files], {
    cwd: here,
    env,
    stdio: "inherit",
  });
  running = tests;
  const [code] = await once(tests, "exit");
  return code ?? 1;
}

// Ctrl-C must reach the server by way of `stop` alone.
const server = serve(python, settings);
let running = server;
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => running.kill(signal));
try {
  process.exitCode = await test(await started(server));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  await stop(server);
  rmSync(folder, { recursive: true, force: true });
}
