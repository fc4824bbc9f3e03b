/* The parts of a message: text, thoughts, calls of tools, files and sources. */

import { bytes, h, icon } from "./dom.js";
import { link, Markdown } from "./markdown.js";
import { ToolCall } from "./tools.js";

/** An element that shows the parts of one message, which grow while it is being written. */
export class Parts {
  #places = [];
  #changed;
  element = h("div", { class: "parts" });

  /** `changed` is called when the reader decided on a call of a tool. */
  constructor(changed = () => {}) {
    this.#changed = changed;
  }

  /** Shows parts as the API gives them, with what became of the calls among them. */
  show(parts, calls = []) {
    const results = new Map();
    for (const part of parts) {
      if (part.__typename === "ToolResultPart") results.set(part.callId, part.result);
    }
    const shown = parts.filter((part) => part.__typename !== "ToolResultPart");
    shown.forEach((part, at) => {
      const call = calls.find((one) => one.callId === part.callId);
      this.#place(at, part.__typename).show(part, call, results.get(part.callId));
    });
    for (const place of this.#places.splice(shown.length)) place.element.remove();
  }

  #place(at, kind) {
    const there = this.#places[at];
    if (there?.kind === kind) return there;
    const place = (PLACES[kind] ?? unknown)(this.#changed);
    place.kind = kind;
    if (there) there.element.replaceWith(place.element);
    else this.element.append(place.element);
    this.#places[at] = place;
    return place;
  }
}

const PLACES = {
  TextPart: text,
  ReasoningPart: reasoning,
  ToolCallPart: toolCall,
  FilePart: file,
  SourcePart: source,
};

function text() {
  const markdown = new Markdown();
  return { element: markdown.element, show: (part) => markdown.show(part.text) };
}

function reasoning() {
  const markdown = new Markdown();
  const element = h(
    "details",
    { class: "thought" },
    h("summary", {}, "Thoughts"),
    markdown.element,
  );
  return { element, show: (part) => markdown.show(part.text) };
}

function file() {
  const element = h("p", { class: "file" });
  const show = (part) => {
    const name = part.name ?? part.url ?? "A file";
    element.replaceChildren(icon("file"), link(part.url ?? "", [name]) ?? name);
  };
  return { element, show };
}

function source() {
  const element = h("p", { class: "source" });
  const show = (part) => {
    const name = part.title ?? part.url ?? "A source";
    element.replaceChildren("Source: ", link(part.url ?? "", [name]) ?? name);
  };
  return { element, show };
}

function unknown() {
  return { element: h("span", { hidden: true }), show: () => {} };
}

function toolCall(changed) {
  const call = new ToolCall(changed);
  return { element: call.element, show: (part, one, result) => call.show(part, one, result) };
}

/** The attachments of a message. */
export function attachments(found) {
  if (found.length === 0) return null;
  return h("ul", { class: "attachments", "aria-label": "Attachments" }, found.map(attachment));
}

function attachment(one) {
  const name = one.fileName ?? "Attachment";
  const picture = one.type === "IMAGE" && one.thumbnailUrl;
  const shown = picture
    ? h("img", { src: one.thumbnailUrl, alt: name, loading: "lazy", title: name })
    : h(
        "span",
        { class: "file" },
        icon("file"),
        h("span", {}, name, h("small", {}, bytes(one.size))),
      );
  return h("li", {}, link(one.url, [shown]) ?? shown);
}
