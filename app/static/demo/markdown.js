/* A small, safe part of Markdown, built of elements: what a model writes can only become these. */

import { attempt, h, iconButton } from "./dom.js";

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*(.*)$/;
const HEADING = /^(#{1,6})\s+(.*)$/;
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const QUOTE = /^ {0,3}> ?(.*)$/;
const ROW = /^\s*\|(.+)\|\s*$/;
const DEEPEST = 8; // quotations in each other
// The bounds keep a hostile text from taking quadratic time.
const INLINE = new RegExp(
  [
    /(?<ticks>`{1,3})(?<code>[^`].{0,1000}?|[^`])\k<ticks>(?!`)/,
    /\*\*(?=\S)(?<bold>.{1,1000}?)(?<=\S)\*\*/,
    /~~(?=\S)(?<gone>.{1,1000}?)(?<=\S)~~/,
    /\*(?=[^\s*])(?<slanted>.{1,1000}?)(?<=[^\s*])\*(?!\*)/,
    /(?<!\w)_(?=\S)(?<leaning>.{1,1000}?)(?<=\S)_(?!\w)/,
    /\[(?<label>[^[\]]{1,500})\]\((?<target>[^()\s]{1,2000})\)/,
    /(?<address>\bhttps?:\/\/[^\s<>()[\]"'*]{1,2000}[^\s<>()[\]"'*.,;:!?])/,
  ]
    .map((one) => one.source)
    .join("|"),
  "gsu",
);

/** An element that shows Markdown; only blocks that changed are built anew. */
export class Markdown {
  #shown = [];
  #depth;
  element = h("div", { class: "markdown" });

  /** `depth` is how many quotations it stands in. */
  constructor(depth = 0) {
    this.#depth = depth;
  }

  /** Shows a text, which usually is the last one with some more behind. */
  show(text) {
    const blocks = blocksOf(text, this.#depth);
    let same = 0;
    while (same < blocks.length && blocks[same] === this.#shown[same]) same += 1;
    while (this.element.childNodes.length > same) this.element.lastChild.remove();
    this.element.append(...blocks.slice(same).map((source) => block(source, this.#depth)));
    this.#shown = blocks;
  }
}

/** The sources of a text's blocks, one element each. */
function blocksOf(text, depth) {
  const blocks = [];
  let lines = [];
  let kind = "";
  let fence = "";
  const end = () => {
    if (lines.length > 0) blocks.push(lines.join("\n"));
    lines = [];
    kind = "";
  };
  for (const line of text.split("\n")) {
    if (fence) {
      lines.push(line);
      if (closes(line, fence)) {
        fence = "";
        end();
      }
      continue;
    }
    const found = kindOf(line, kind, depth);
    if (found === "blank" || found !== kind) end();
    if (found === "blank") continue;
    lines.push(line);
    kind = found;
    if (kind === "fence") fence = FENCE.exec(line)[1];
    if (kind === "heading" || kind === "rule") end();
  }
  end();
  return blocks;
}

function closes(line, fence) {
  const rest = line.trim();
  return rest.length >= fence.length && rest === fence[0].repeat(rest.length);
}

/** What a line begins or goes on with; `inside` is the kind of the block above it. */
function kindOf(line, inside, depth) {
  if (line.trim() === "") return "blank";
  if (FENCE.test(line)) return "fence";
  if (HEADING.test(line)) return "heading";
  if (RULE.test(line)) return "rule";
  if (depth < DEEPEST && QUOTE.test(line)) return "quote";
  if (ITEM.test(line)) return "list";
  if (ROW.test(line)) return "table";
  return inside === "list" || inside === "quote" ? inside : "text";
}

const BUILDERS = { fence: code, heading, rule: () => h("hr"), quote, list, table, text: paragraph };

function block(source, depth) {
  const lines = source.split("\n");
  return BUILDERS[kindOf(lines[0], "", depth)](lines, depth);
}

function paragraph(lines) {
  return h("p", {}, ...inline(lines.join("\n")));
}

function heading([line]) {
  const [, marks, text] = HEADING.exec(line);
  return h(`h${Math.min(marks.length + 2, 6)}`, {}, ...inline(text));
}

function quote(lines, depth) {
  const inner = new Markdown(depth + 1);
  inner.show(lines.map((line) => QUOTE.exec(line)?.[1] ?? line).join("\n"));
  return h("blockquote", {}, ...inner.element.childNodes);
}

function table(lines) {
  const rows = lines.map((line) =>
    ROW.exec(line)[1]
      .split("|")
      .map((cell) => cell.trim()),
  );
  const ruled = rows.length > 1 && rows[1].every((cell) => /^:?-+:?$/.test(cell));
  const row = (cells, tag) =>
    h(
      "tr",
      {},
      cells.map((cell) => h(tag, {}, ...inline(cell))),
    );
  const head = ruled ? h("thead", {}, row(rows[0], "th")) : null;
  const body = (ruled ? rows.slice(2) : rows).map((cells) => row(cells, "td"));
  return h("div", { class: "wide-table" }, h("table", {}, head, h("tbody", {}, body)));
}

/** A list, with the lists that its items hold. */
function list(lines) {
  const [, indent, mark] = ITEM.exec(lines[0]);
  const items = [];
  for (const line of lines) {
    const found = ITEM.exec(line);
    if (found && found[1].length <= indent.length + 1) items.push({ text: [found[3]], below: [] });
    else if (found || items.at(-1).below.length > 0) items.at(-1).below.push(line);
    else items.at(-1).text.push(line.trim());
  }
  const number = parseInt(mark, 10);
  const ordered = !Number.isNaN(number);
  return h(
    ordered ? "ol" : "ul",
    ordered && number !== 1 ? { start: number } : {},
    items.map(({ text, below }) =>
      h("li", {}, ...inline(text.join("\n")), below.length > 0 && list(below)),
    ),
  );
}

function code(lines) {
  const info = FENCE.exec(lines[0])[2];
  const fence = FENCE.exec(lines[0])[1];
  const last = lines.length > 1 && closes(lines.at(-1), fence) ? -1 : lines.length;
  const text = lines.slice(1, last).join("\n");
  const label = "Copy this code";
  const copy = iconButton("copy", label, { onclick: () => copyText(text, copy) });
  const name = h("span", {}, info || "text");
  const body = h("pre", { tabindex: "0" }, h("code", {}, text));
  return h("figure", { class: "code" }, h("figcaption", {}, name, copy), body);
}

/** Copies a text; the button says so for a moment. */
export async function copyText(text, button) {
  await attempt(async () => {
    if (!navigator.clipboard) throw new Error("The browser lets pages copy over HTTPS only.");
    await navigator.clipboard.writeText(text);
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), 1_500);
  });
}

/** The nodes of a line of text. */
function inline(text) {
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(INLINE)) {
    nodes.push(text.slice(at, found.index), mark(found.groups, found[0]));
    at = found.index + found[0].length;
  }
  nodes.push(text.slice(at));
  return nodes.filter((node) => node !== "");
}

function mark(groups, whole) {
  if (groups.code !== undefined) return h("code", {}, groups.code.trim() || groups.code);
  if (groups.bold !== undefined) return h("strong", {}, ...inline(groups.bold));
  if (groups.gone !== undefined) return h("del", {}, ...inline(groups.gone));
  const slanted = groups.slanted ?? groups.leaning;
  if (slanted !== undefined) return h("em", {}, ...inline(slanted));
  if (groups.address !== undefined) return link(groups.address, [groups.address]);
  return link(groups.target, inline(groups.label)) ?? whole;
}

/** A link to somewhere else; null for anything but the web and mail. */
export function link(address, children) {
  const url = URL.parse(address, location.href);
  if (url === null || !["https:", "http:", "mailto:"].includes(url.protocol)) return null;
  return h("a", { href: url.href, target: "_blank", rel: "noopener noreferrer" }, ...children);
}
