/* The page: what the address asks for is what is shown. `#c=` is a conversation, `#s=` a link. */

import { $, announce, attempt, h, icon } from "./dom.js";
import { onReach, Refused } from "./api.js";
import { Composer } from "./composer.js";
import { Limits } from "./limits.js";
import { begin, forget, onElsewhere, resume, session } from "./session.js";
import { SharedPage } from "./shared.js";
import { openSharing } from "./sharing.js";
import { confirmFirst } from "./dialogs.js";
import { Sidebar, UNTITLED } from "./sidebar.js";
import { nextTheme, showTheme } from "./theme.js";
import { Thread } from "./thread.js";

const IDEAS = [
  "Plan a vegetable bed of two square metres",
  "Build a landing page for a farm shop",
  "Explain photosynthesis to a ten-year-old",
  "What can I cook with strawberries and basil?",
];

const AGAIN = 3_000; // milliseconds until a server out of reach is tried again
const POINTS = [
  ["again", "Resumes", "A lost connection or a reload loses no word of an answer."],
  ["fork", "Branches", "Edit or regenerate: every version stays, one step away."],
  ["share", "Shares", "A link shows one branch, live or as it was, until you end it."],
];

let open = null; // the conversation that is shown
let known = false; // whether the viewer was asked for

const limits = new Limits();
const sidebar = new Sidebar({
  deleted: (id) => id === thread.id && go(""),
  updated: ({ id }) => id === thread.id && thread.refresh(),
});
const thread = new Thread({
  changed: (conversation) => {
    showOpen(conversation);
    composer.show();
  },
  settled: () => attempt(settled),
  gone: () => {
    announce("This conversation is gone.");
    go("");
  },
  moved: (id) => go(`c=${id}`),
});
const composer = new Composer(thread, limits);
const shared = new SharedPage((id) => go(`c=${id}`));

function go(fragment) {
  if (location.hash.slice(1) === fragment) route();
  else location.hash = fragment;
}

function view(name) {
  document.body.dataset.view = name;
}

async function route() {
  const asked = new URLSearchParams(location.hash.slice(1));
  showSidebar(false);
  shared.close();
  if (asked.has("s")) {
    thread.open(null);
    shared.open(asked.get("s"));
    view("shared");
  } else if (!resume()) {
    thread.open(null);
    known = false;
    document.title = "Punnet · Chat";
    view("welcome");
  } else if (known || (await meet())) {
    view("chat");
    openConversation(asked.get("c"));
  }
}

/** Asks who is here. False when nobody is. */
async function meet() {
  let found = { me: null };
  try {
    found = await session();
  } catch (error) {
    if (!(error instanceof Refused)) return void setTimeout(route, AGAIN);
  }
  if (found.me === null) {
    forget();
    view("welcome");
    return false;
  }
  known = true;
  $("who").textContent = found.me.anonymous ? "Guest" : found.me.name;
  composer.offer(found.models);
  attempt(() => limits.refresh().then(() => composer.show()));
  attempt(() => sidebar.refresh());
  return true;
}

function openConversation(id) {
  open = null;
  thread.open(id);
  sidebar.mark(id);
  $("empty").hidden = id !== null;
  $("share").hidden = $("more").hidden = id === null;
  $("title").textContent = id === null ? UNTITLED : (sidebar.find(id)?.title ?? UNTITLED);
  document.title = "Punnet · Chat";
  composer.open();
}

function showOpen(conversation) {
  const fresh = open?.id !== conversation.id;
  open = conversation;
  const title = conversation.title ?? UNTITLED;
  $("title").textContent = title;
  document.title = `${title} · Punnet`;
  if (fresh && conversation.model) composer.choose(conversation.model);
  if (sidebar.find(conversation.id)?.title !== conversation.title) attempt(() => sidebar.refresh());
}

/** After an answer: the day's counts, the order of the list, and perhaps a title. */
async function settled() {
  const { id } = thread;
  await limits.refresh();
  composer.show();
  const title = await sidebar.titled(id);
  if (title !== null && id === thread.id && title !== open?.title) await thread.refresh();
}

function showSidebar(shown) {
  document.body.classList.toggle("listing", shown);
  $("open-sidebar").setAttribute("aria-expanded", String(shown));
  if (shown) $("search").focus();
}

function leave() {
  const text = "A guest can’t come back: what you wrote here will be out of your reach.";
  confirmFirst("Leave this guest account?", text, "Leave", () => {
    forget();
    known = false;
    go("");
  });
}

function prepare() {
  for (const [id, name] of [
    ["close-sidebar", "close"],
    ["open-sidebar", "menu"],
    ["theme", "theme"],
    ["more", "more"],
    ["to-end", "down"],
  ]) {
    $(id).append(icon(name));
  }
  $("new-chat").append(icon("plus"), "New chat");
  $("share").append(icon("share"), h("span", {}, "Share"));
  for (const idea of IDEAS) {
    $("ideas").append(
      h("button", { type: "button", class: "outline", onclick: () => composer.write(idea) }, idea),
    );
  }
  for (const [picture, name, about] of POINTS) {
    $("points").append(
      h("li", {}, icon(picture), h("strong", {}, name), h("span", { class: "hint" }, about)),
    );
  }
  const on = (id, act) => $(id).addEventListener("click", act);
  on("start", () => attempt(() => begin().then(route)));
  on("new-chat", () => go(""));
  on("open-sidebar", () => showSidebar(true));
  on("close-sidebar", () => showSidebar(false));
  on("shade", () => showSidebar(false));
  on("lists", (event) => event.target.closest("a") && showSidebar(false));
  on("share", () => open && openSharing(open.id, open.messages.at(-1)?.id ?? null));
  on("more", () => open && sidebar.openMenu($("more"), open));
  on("sign-out", leave);
  on("theme", nextTheme);
  showTheme();
}

onReach((well) => {
  $("banner").textContent = well ? "" : "The connection is lost. Trying again…";
  document.body.classList.toggle("offline", !well);
});
onElsewhere(() => {
  known = false;
  route();
});
window.addEventListener("hashchange", route);
// Nothing tells of conversations that began elsewhere: who comes back to the page asks.
document.addEventListener("visibilitychange", () => {
  if (known && document.visibilityState === "visible") attempt(() => sidebar.refresh());
});
document.addEventListener("keydown", (event) => event.key === "Escape" && showSidebar(false));
prepare();
route();
