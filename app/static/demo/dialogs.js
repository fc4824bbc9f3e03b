/* Dialogs and menus, the browser's own: it holds the focus and closes them with Escape. */

import { $, attempt, h, icon, iconButton } from "./dom.js";

/** Opens a dialog with a heading. Returns it; it is gone once it is closed. */
export function openDialog(title, ...children) {
  const heading = h("h2", { id: "dialog-title" }, title);
  const close = iconButton("close", "Close", { onclick: () => dialog.close() });
  const dialog = h(
    "dialog",
    { "aria-labelledby": "dialog-title" },
    h("header", {}, heading, close),
    ...children,
  );
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Asks before something is done that can't be taken back. */
export function confirmFirst(title, text, label, action) {
  const yes = async () => {
    dialog.close();
    await attempt(action);
  };
  const cancel = h(
    "button",
    { type: "button", class: "outline", autofocus: true, onclick: () => dialog.close() },
    "Cancel",
  );
  const go = h("button", { type: "button", class: "danger", onclick: yes }, label);
  const dialog = openDialog(title, h("p", {}, text), h("div", { class: "row" }, cancel, go));
}

/** Asks for a line of text. */
export function askFor(title, label, value, action) {
  const field = h("input", { type: "text", maxlength: "200", required: true, autofocus: true });
  field.value = value;
  const submit = async (event) => {
    event.preventDefault();
    dialog.close();
    await attempt(() => action(field.value.trim()));
  };
  const cancel = h(
    "button",
    { type: "button", class: "outline", onclick: () => dialog.close() },
    "Cancel",
  );
  const save = h("button", { type: "submit", class: "primary" }, "Save");
  const form = h(
    "form",
    { onsubmit: submit },
    h("label", {}, label, field),
    h("div", { class: "row" }, cancel, save),
  );
  const dialog = openDialog(title, form);
  field.select();
}

/** Opens a menu below a button: `[{ icon, label, act, danger }]`. */
export function openMenu(button, items) {
  const menu = h("div", { class: "menu", role: "menu", popover: "auto" });
  const choose = (act) => () => {
    menu.hidePopover();
    button.focus();
    attempt(act);
  };
  for (const { icon: picture, label, act, danger } of items) {
    const one = {
      type: "button",
      role: "menuitem",
      class: danger ? "dangerous" : null,
      onclick: choose(act),
    };
    menu.append(h("button", one, icon(picture), label));
  }
  menu.addEventListener("keydown", (event) => walk(menu, event));
  menu.addEventListener("toggle", ({ newState }) => {
    button.setAttribute("aria-expanded", String(newState === "open"));
    if (newState === "closed") menu.remove();
  });
  document.body.append(menu);
  menu.showPopover();
  placeBelow(menu, button.getBoundingClientRect());
  menu.firstElementChild.focus();
}

function walk(menu, event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const items = [...menu.children];
  const at = items.indexOf(document.activeElement);
  items.at((at + step) % items.length).focus();
}

function placeBelow(menu, { right, bottom, top }) {
  const { offsetWidth: width, offsetHeight: height } = menu;
  const below = bottom + height + 8 < innerHeight;
  menu.style.left = `${Math.max(8, Math.min(right - width, innerWidth - width - 8))}px`;
  menu.style.top = `${below ? bottom + 4 : Math.max(8, top - height - 4)}px`;
}
