/* The dialog by which a conversation is shared, and the links there are. */

import { $, announce, attempt, h, iconButton, replace, when } from "./dom.js";
import { ask, newKey } from "./api.js";
import { openDialog } from "./dialogs.js";
import { LINKS, REVOKE, SHARE } from "./documents.js";
import { copyText } from "./markdown.js";

const MODES = {
  TOKEN: ["Anyone with the link", "The link is a secret that you give away."],
  PUBLIC: ["Public", "Everybody; the link is no secret."],
  SIGNED_IN: ["Signed-in people", "Whoever has the link and an account; guests have none."],
  NAMED: ["Named people", "Only these addresses, once they are signed in."],
};
const DAYS = {
  "": "Never ends",
  1: "Ends after a day",
  7: "Ends after a week",
  30: "Ends after 30 days",
};

/** Where a token leads: it stays in the fragment, which no server and no log sees. */
const addressOf = (token) => `${location.origin}${location.pathname}#s=${token}`;

/** Opens the dialog for a conversation whose newest message is `lastId`. */
export function openSharing(id, lastId) {
  const links = h("section", { class: "links", "aria-label": "Links" });
  const made = h("div", { class: "made", hidden: true });
  const refresh = () => attempt(() => showLinks(links, id, refresh));
  const form = shareForm(async (choice) => {
    const frozen = choice.frozen ? lastId : null;
    const input = {
      conversationId: id,
      ...choice.input,
      messageId: frozen,
      idempotencyKey: newKey(),
    };
    const { createShareLink } = await ask(SHARE, { input });
    showMade(made, addressOf(createShareLink.token));
    await refresh();
  });
  openDialog("Share this conversation", form, made, links).classList.add("sharing");
  refresh();
}

function shareForm(create) {
  const people = h("input", { type: "text", placeholder: "ada@example.com, grace@example.com" });
  const whom = h("label", { hidden: true }, "Addresses", people);
  const modes = Object.entries(MODES).map(([mode, [name, about]]) => {
    const radio = h("input", {
      type: "radio",
      name: "mode",
      value: mode,
      checked: mode === "TOKEN",
    });
    return h("label", { class: "choice" }, radio, h("span", {}, name, h("small", {}, about)));
  });
  const what = h(
    "select",
    { name: "what" },
    h("option", { value: "live" }, "As it goes on"),
    h("option", { value: "frozen" }, "As it is now"),
  );
  const days = h(
    "select",
    { name: "days" },
    Object.entries(DAYS).map(([value, name]) => h("option", { value }, name)),
  );
  days.value = "";
  const button = h("button", { type: "submit", class: "primary" }, "Create a link");
  const form = h(
    "form",
    {},
    h("fieldset", {}, h("legend", {}, "Who may read it"), modes),
    whom,
    h(
      "div",
      { class: "two" },
      h("label", {}, "What they see", what),
      h("label", {}, "How long", days),
    ),
    h("div", { class: "row" }, button),
  );
  form.addEventListener("change", () => (whom.hidden = form.elements.mode.value !== "NAMED"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    await attempt(() =>
      create(choiceOf(form.elements.mode.value, people.value, what.value, days.value)),
    );
    button.disabled = false;
  });
  return form;
}

function choiceOf(mode, people, what, days) {
  const named = mode === "NAMED" ? people.split(/[\s,;]+/).filter(Boolean) : [];
  const ends = days ? new Date(Date.now() + Number(days) * 86_400_000).toISOString() : null;
  return { frozen: what === "frozen", input: { mode, people: named, expiresAt: ends } };
}

function showMade(place, address) {
  const field = h("input", { type: "text", readonly: true, "aria-label": "Link" });
  field.value = address;
  field.addEventListener("focus", () => field.select());
  const copy = iconButton("copy", "Copy the link", {
    onclick: async () => {
      await copyText(address, copy);
      announce("The link is copied.");
    },
  });
  place.hidden = false;
  place.replaceChildren(
    h("div", { class: "copied" }, field, copy),
    h("p", { class: "hint" }, "Copy it now: it is shown only once."),
  );
  field.focus();
}

async function showLinks(place, id, refresh) {
  const { conversation } = await ask(LINKS, { id });
  const links = conversation?.shareLinks ?? [];
  replace(
    place,
    links.length > 0 && h("h3", {}, "Links"),
    links.length > 0 &&
      h(
        "ul",
        {},
        links.map((link) => row(link, refresh)),
      ),
  );
}

function row(link, refresh) {
  const revoke = () =>
    attempt(async () => {
      await ask(REVOKE, { id: link.id });
      announce("The link has ended.");
      await refresh();
    });
  const people = link.people.length > 0 ? `: ${link.people.join(", ")}` : "";
  const about = [
    link.messageId ? "as it was" : "as it goes on",
    link.expiresAt ? `until ${when(link.expiresAt)}` : `since ${when(link.createdAt)}`,
  ].join(", ");
  const end = h(
    "button",
    { type: "button", class: "outline", "data-key": link.id, onclick: revoke },
    "End",
  );
  return h("li", {}, h("span", {}, MODES[link.mode][0] + people, h("small", {}, about)), end);
}
