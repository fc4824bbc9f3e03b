/* A call of a tool: what it is called with, what it gave, and who decides whether it is made. */

import { $, announce, attempt, h, icon } from "./dom.js";
import { ask } from "./api.js";
import { APPROVE, DENY } from "./documents.js";

const STATES = {
  AWAITING_APPROVAL: "waits for you",
  READY: "running",
  DENIED: "denied",
  SUCCEEDED: "done",
  FAILED: "failed",
  CANCELED: "cancelled",
};

/** Shows one call; `changed` is called when the reader has decided. */
export class ToolCall {
  #changed;
  #id = null;
  #name = h("strong");
  #state = h("span", { class: "state" });
  #given = h("pre", { tabindex: "0" });
  #gave = h("pre", { tabindex: "0" });
  #result = h("div", { hidden: true }, h("h4", {}, "Result"), this.#gave);
  #details = h(
    "details",
    {},
    h("summary", {}, icon("tool"), this.#name, this.#state),
    h("h4", {}, "Arguments"),
    this.#given,
    this.#result,
  );
  #decision = h(
    "fieldset",
    { class: "decision", hidden: true },
    h("legend", { class: "unseen" }, "Approve this call?"),
    h("p", {}, "The model asks to call this tool. Nothing happens until you decide."),
    this.#button("Approve", "primary", APPROVE, "Approved."),
    this.#button("Deny", "outline", DENY, "Denied."),
  );
  element = h("div", { class: "tool" }, this.#details, this.#decision);

  constructor(changed) {
    this.#changed = changed;
  }

  /** Shows a part, the call that it tells of, and its result once there is one. */
  show(part, call, result) {
    const known = call?.state ?? "READY";
    const state = known === "READY" && result !== undefined ? "SUCCEEDED" : known;
    const waits = state === "AWAITING_APPROVAL";
    this.#id = call?.id ?? null;
    this.element.dataset.state = state;
    this.#name.textContent = part.name ?? "A tool";
    this.#state.textContent = STATES[state] ?? "";
    this.#given.textContent = pretty(call?.arguments ?? part.arguments);
    this.#gave.textContent = pretty(result);
    this.#result.hidden = result === undefined;
    this.#decision.hidden = !waits;
    if (waits) this.#details.open = true;
  }

  #button(label, look, mutation, said) {
    const decide = () => attempt(() => this.#decide(mutation, said));
    return h("button", { type: "button", class: look, onclick: decide }, label);
  }

  async #decide(mutation, said) {
    this.#decision.disabled = true;
    try {
      await ask(mutation, { id: this.#id });
      announce(said);
      $("draft").focus();
    } finally {
      this.#decision.disabled = false;
      this.#changed(); // also when somebody else was first
    }
  }
}

/** A value as JSON; arguments that a model is still writing as they stand. */
function pretty(value) {
  return typeof value === "string" ? value : JSON.stringify(value ?? null, null, 2);
}
