/* Elements. Text is only ever text: nothing here, or anywhere on the page, parses HTML. */

const SVG = "http://www.w3.org/2000/svg";

/** One of the elements that index.html has. */
export const $ = (id) => document.getElementById(id);

/**
 * An element. `on…` are listeners, booleans set or leave out an attribute, null and undefined
 * leave it out; children are nodes or text, and false or null for none.
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (typeof value === "boolean") element.toggleAttribute(name, value);
    else if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== false));
  return element;
}

/** A picture from the sprite, for the eye alone. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "i");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** A button that shows a picture; `label` is its name. */
export function iconButton(name, label, attributes = {}) {
  const all = { type: "button", class: "icon", "aria-label": label, title: label, ...attributes };
  return h("button", all, icon(name));
}

/** Puts new children in, and the focus back on the one of the same `data-key`. */
export function replace(parent, ...children) {
  const active = parent.contains(document.activeElement) ? document.activeElement : null;
  const key = active?.dataset.key;
  parent.replaceChildren(...children.flat().filter(Boolean));
  if (key === undefined || parent.contains(document.activeElement)) return;
  for (const one of parent.querySelectorAll("[data-key]")) {
    if (one.dataset.key === key) one.focus();
  }
}

/** Puts children in this order, without touching those that are in their place. */
export function arrange(parent, children) {
  children.forEach((child, at) => {
    if (parent.children[at] !== child) parent.insertBefore(child, parent.children[at] ?? null);
  });
}

/** Says something to screen readers. */
export function announce(text) {
  $("status").textContent = text;
}

/** Shows, for some seconds, what went wrong; not twice at once. */
export function complain(error) {
  const until = error.extensions?.resetsAt;
  const text = until ? `That was all for today. There is more from ${when(until)}.` : error.message;
  const said = [...document.querySelectorAll(".toast > span")].map((one) => one.textContent);
  if (said.includes(text)) return;
  const toast = h("div", { class: "toast", role: "alert" }, h("span", {}, text));
  toast.append(iconButton("close", "Dismiss", { onclick: () => toast.remove() }));
  // What is outside an open dialog can neither be seen nor reached.
  (document.querySelector("dialog[open]") ?? $("toasts")).append(toast);
  setTimeout(() => toast.remove(), 8_000);
}

/** Runs what a button does; shows what goes wrong. Never rejects. */
export async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    complain(error);
    return undefined;
  }
}

/** `14:05`, or with the day where it is another one. */
export function when(text) {
  const date = new Date(text);
  const today = date.toDateString() === new Date().toDateString();
  const day = today ? {} : { day: "numeric", month: "short" };
  return date.toLocaleString([], { hour: "2-digit", minute: "2-digit", ...day });
}

/** `48 KB`. */
export function bytes(size) {
  if (size < 1_000) return `${size} B`;
  return size < 1e6 ? `${Math.round(size / 1e3)} KB` : `${(size / 1e6).toFixed(1)} MB`;
}
