/* One message of the open conversation. */

import { $, attempt, h, iconButton, replace, when } from "./dom.js";
import { copyText } from "./markdown.js";
import { attachments, Parts } from "./parts.js";

const IDLE = 4; // how much longer than it works the page rests while text comes

/** Whether an answer is still to come. */
export const isRunning = (message) => message.role === "ASSISTANT" && message.status !== "COMPLETE";

/** The text of a message, as it was written. */
const textOf = (message) =>
  message.contentParts
    .filter((part) => part.__typename === "TextPart")
    .map((part) => part.text)
    .join("\n\n");

/** Shows a message, and what can be done with it; `thread` does it. */
export class MessageView {
  #thread;
  #message = null;
  #stream = null;
  #timer = 0;
  #cost = 0; // milliseconds that the text took the last time
  #editor = null;
  #files = "";
  #parts;
  #body = h("div", { class: "body" });
  #fileList = h("div");
  #note = h("p", { class: "ended", hidden: true });
  #actions = h("div", { class: "actions" });
  element = h("li", { class: "message" });

  constructor(thread) {
    this.#thread = thread;
    this.#parts = new Parts(() => thread.refresh());
    this.#body.append(this.#parts.element);
    this.element.append(this.#fileList, this.#body, this.#note, this.#actions);
  }

  /** Shows the message as it is now; `stream` is what is being written, if anything is. */
  show(message, stream) {
    this.#message = message;
    this.#stream = stream;
    const mine = message.role === "USER";
    this.element.dataset.id = message.id;
    this.element.classList.toggle("mine", mine);
    this.element.setAttribute(
      "aria-label",
      mine ? "You" : `Answer by ${message.model ?? "a model"}`,
    );
    this.#showFiles();
    this.paint();
    this.#showNote();
    this.#showActions();
  }

  /** Shows the text soon: at the next frame, or later where it takes long to build. */
  paintSoon() {
    this.#timer ||= setTimeout(
      () =>
        requestAnimationFrame(() => {
          const began = performance.now();
          this.#timer = 0;
          this.paint();
          this.#thread.grew();
          this.#cost = performance.now() - began;
        }),
      IDLE * this.#cost,
    );
  }

  /** Shows the text as it is now. */
  paint() {
    const { role, contentParts, toolCalls } = this.#message;
    const parts = this.#stream ? this.#stream.parts : contentParts;
    this.element.classList.toggle(
      "writing",
      this.#stream !== null && this.#message.outcome === null,
    );
    this.element.classList.toggle("waiting", this.#stream !== null && parts.length === 0);
    if (role === "USER") this.#body.textContent = textOf(this.#message);
    else this.#parts.show(this.#failed ? [] : parts, toolCalls);
  }

  /** Puts the focus on what can be done, or for a switch at its end on the other one. */
  focusOn(key) {
    const other = { earlier: "later", later: "earlier" }[key] ?? key;
    for (const one of [other, key]) {
      this.#actions.querySelector(`[data-key="${one}"]:enabled`)?.focus();
    }
  }

  #showFiles() {
    // An address is signed anew each time: a picture that is there already stays.
    const ids = this.#message.attachments.map((one) => one.id).join();
    if (ids === this.#files) return;
    this.#files = ids;
    this.#fileList.replaceChildren(...[attachments(this.#message.attachments)].filter(Boolean));
  }

  #showNote() {
    this.#note.hidden = !this.#failed && this.#message.outcome !== "CANCELED";
    this.#note.classList.toggle("failed", this.#failed);
    this.#note.textContent = this.#failed ? textOf(this.#message) : "You stopped this answer.";
  }

  /** Whether its text says what went wrong. */
  get #failed() {
    return this.#message.type === "ERROR";
  }

  #showActions() {
    const message = this.#message;
    const busy = this.#thread.isBusy;
    const copy = iconButton("copy", "Copy", {
      "data-key": "copy",
      onclick: () => copyText(textOf(message), copy),
    });
    const label = this.#failed ? "Try again" : "Regenerate";
    replace(
      this.#actions,
      this.#versions(),
      !isRunning(message) && copy,
      message.role === "USER" &&
        !busy &&
        iconButton("pencil", "Edit", { "data-key": "edit", onclick: () => this.#edit() }),
      message.role === "ASSISTANT" &&
        !busy && [
          iconButton("again", label, {
            "data-key": "again",
            onclick: () => this.#thread.regenerate(message),
          }),
          iconButton("fork", "Go on from here in a new chat", {
            "data-key": "fork",
            onclick: () => this.#thread.fork(message),
          }),
        ],
      h("time", { datetime: message.createdAt }, when(message.createdAt)),
    );
  }

  /** ‹ 2/3 ›, where there is more than one. */
  #versions() {
    const { id, siblings } = this.#message;
    if (siblings.length < 2) return null;
    const at = siblings.findIndex((one) => one.id === id);
    const button = (name, label, key, to) =>
      iconButton(name, label, {
        "data-key": key,
        disabled: siblings[to] === undefined || this.#thread.isBusy,
        onclick: () => this.#thread.select(siblings[to].id, id, key),
      });
    return h(
      "span",
      { class: "versions", role: "group", "aria-label": "Versions" },
      button("left", "Earlier version", "earlier", at - 1),
      h("span", {}, `${at + 1}/${siblings.length}`),
      button("right", "Later version", "later", at + 1),
    );
  }

  #edit() {
    const text = h("textarea", { "aria-label": "Edit your message", rows: "3" });
    text.value = textOf(this.#message);
    const close = () => {
      this.#editor.remove();
      this.#editor = null;
      this.element.classList.remove("editing");
      this.focusOn("edit");
    };
    const save = async (event) => {
      event.preventDefault();
      if (text.value.trim() === "") return;
      send.disabled = true;
      const done = await attempt(() => this.#thread.edit(this.#message, text.value.trim()));
      if (done) $("draft").focus();
      else send.disabled = false;
    };
    text.addEventListener("keydown", (event) => {
      if (event.key === "Escape") close();
      if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) this.#editor.requestSubmit();
    });
    const cancel = h("button", { type: "button", class: "outline", onclick: close }, "Cancel");
    const send = h("button", { type: "submit", class: "primary" }, "Save and send");
    this.#editor = h(
      "form",
      { class: "editor", onsubmit: save },
      text,
      h("div", { class: "row" }, cancel, send),
    );
    this.element.classList.add("editing");
    this.element.append(this.#editor);
    text.focus();
  }
}
