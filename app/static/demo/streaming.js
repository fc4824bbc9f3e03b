/* One answer while it is being written: its parts so far and the cursor that they go with.
   Both are kept together in the browser tab, so that a reload goes on where it was. */

import { follow } from "./api.js";
import { STREAMED } from "./documents.js";

const KEPT = "punnet:stream:";
const KEEP_EVERY = 250; // milliseconds

/** Follows a message's text. */
export class Stream {
  #id;
  #cursor = null;
  #parts = [];
  #leave;
  #timer = 0;
  #told;
  #keep = () => this.#store();

  /** `told` has `changed()`, `ended()` and `refused(error)`. */
  constructor(id, told) {
    this.#id = id;
    this.#told = told;
    this.#recall();
    window.addEventListener("pagehide", this.#keep);
    this.#leave = follow(STREAMED, () => ({ id, after: this.#cursor }), {
      event: (event) => this.#take(event),
      ended: () => this.#finish(told.ended),
      refused: (error) => this.#finish(told.refused, error),
    });
  }

  /** The parts so far, in the form of `contentParts`. */
  get parts() {
    return this.#parts.filter(Boolean).map(shownPart);
  }

  /** Stops following; what is kept stays, for whoever comes back. */
  leave() {
    this.#store();
    this.#quit();
  }

  #take({ part, kind, text, cursor, reset }) {
    if (reset) this.#parts = [];
    const before = this.#parts[part]?.text ?? "";
    this.#parts[part] = { kind, text: before + text };
    this.#cursor = cursor;
    this.#timer ||= setTimeout(this.#keep, KEEP_EVERY);
    this.#told.changed();
  }

  #finish(tell, value) {
    this.#quit();
    sessionStorage.removeItem(KEPT + this.#id);
    tell(value);
  }

  #quit() {
    clearTimeout(this.#timer);
    window.removeEventListener("pagehide", this.#keep);
    this.#leave();
  }

  #recall() {
    const kept = sessionStorage.getItem(KEPT + this.#id);
    if (kept !== null) ({ cursor: this.#cursor, parts: this.#parts } = JSON.parse(kept));
  }

  /** Text and cursor go in as one, or not at all. */
  #store() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    if (this.#cursor === null) return;
    try {
      const kept = JSON.stringify({ cursor: this.#cursor, parts: this.#parts });
      sessionStorage.setItem(KEPT + this.#id, kept);
    } catch {
      sessionStorage.removeItem(KEPT + this.#id); // too long: a reload begins it anew
    }
  }
}

const NAMES = {
  TEXT: "TextPart",
  REASONING: "ReasoningPart",
  TOOL_CALL: "ToolCallPart",
  TOOL_RESULT: "ToolResultPart",
};

function shownPart({ kind, text }) {
  const __typename = NAMES[kind];
  if (kind === "TEXT" || kind === "REASONING") return { __typename, text };
  const { id, callId = id, arguments: given, ...rest } = parsed(text);
  const known = typeof given === "string" ? parsed(given, given) : given;
  return { __typename, callId, ...rest, arguments: known };
}

function parsed(text, otherwise = {}) {
  try {
    return JSON.parse(text);
  } catch {
    return otherwise;
  }
}
