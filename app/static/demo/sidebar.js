/* The conversations: pinned, recent, and those that a search finds. */

import { $, attempt, h, icon, iconButton, replace } from "./dom.js";
import { ask } from "./api.js";
import { DELETE, LISTS, SEARCH, UPDATE } from "./documents.js";
import { askFor, confirmFirst, openMenu } from "./dialogs.js";

const PAUSE = 250; // milliseconds without a key before a search
const TITLE_PAUSES = [400, 800, 1_600, 3_200, 6_400, 12_800]; // a model takes its time
const MARKED = /⟦(.*?)⟧/gs;
export const UNTITLED = "New chat";

/** The list beside the thread; `told` has `deleted(id)`. */
export class Sidebar {
  #told;
  #open = null;
  #pinned = [];
  #recent = [];
  #next = null;
  #timer = 0;

  constructor(told) {
    this.#told = told;
    $("search").addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => attempt(() => this.#list()), PAUSE);
    });
  }

  /** Marks the conversation that is open. */
  mark(id) {
    this.#open = id;
    for (const row of $("lists").querySelectorAll("a")) {
      if (row.dataset.id === id) row.setAttribute("aria-current", "page");
      else row.removeAttribute("aria-current");
    }
  }

  /** What the list knows of a conversation. */
  find(id) {
    return [...this.#pinned, ...this.#recent].find((one) => one.id === id) ?? null;
  }

  /** Asks for the lists anew. */
  async refresh() {
    const { pinnedConversations, conversations } = await ask(LISTS);
    this.#pinned = pinnedConversations.nodes;
    this.#recent = conversations.nodes;
    this.#next = conversations.pageInfo.hasNextPage ? conversations.pageInfo.endCursor : null;
    if (!$("search").value.trim()) this.#showLists();
  }

  /** Asks until a conversation has its title; resolves with it, or null. */
  async titled(id) {
    for (const pause of TITLE_PAUSES) {
      await this.refresh();
      const found = this.find(id);
      if (found === null || found.title !== null) return found?.title ?? null;
      await new Promise((done) => setTimeout(done, pause));
    }
    return null;
  }

  /** Opens the menu of a conversation. */
  openMenu(button, { id, title, pinned }) {
    openMenu(button, [
      { icon: "pencil", label: "Rename", act: () => this.#rename(id, title) },
      {
        icon: "pin",
        label: pinned ? "Unpin" : "Pin",
        act: () => this.#update({ id, pinned: !pinned }),
      },
      { icon: "trash", label: "Delete", danger: true, act: () => this.#delete(id, title) },
    ]);
  }

  #rename(id, title) {
    askFor("Rename this conversation", "Title", title ?? "", (text) =>
      this.#update({ id, title: text }),
    );
  }

  async #update(input) {
    await ask(UPDATE, { input });
    await this.#list();
    this.#told.updated(input);
  }

  #delete(id, title) {
    const text = `“${title ?? UNTITLED}” and all its messages will be deleted, and its share links end.`;
    confirmFirst("Delete this conversation?", text, "Delete", async () => {
      await ask(DELETE, { id });
      this.#told.deleted(id);
      await this.#list();
    });
  }

  async #list() {
    const words = $("search").value.trim();
    if (!words) return this.refresh();
    const found = await ask(SEARCH, { words });
    if ($("search").value.trim() === words) this.#showFound(found);
    return undefined;
  }

  #showLists() {
    const more =
      this.#next &&
      h(
        "button",
        {
          type: "button",
          class: "quiet wide",
          "data-key": "more",
          onclick: () => attempt(() => this.#more()),
        },
        "Show more",
      );
    const none = this.#pinned.length + this.#recent.length === 0;
    replace(
      $("lists"),
      none && h("p", { class: "hint" }, "Your conversations will be listed here."),
      section(
        "Pinned",
        this.#pinned.map((one) => this.#row(one)),
      ),
      section(
        "Recent",
        this.#recent.map((one) => this.#row(one)),
      ),
      more,
    );
    this.mark(this.#open);
  }

  async #more() {
    const { conversations } = await ask(LISTS, { after: this.#next });
    this.#recent.push(...conversations.nodes);
    this.#next = conversations.pageInfo.hasNextPage ? conversations.pageInfo.endCursor : null;
    this.#showLists();
  }

  #row(one) {
    const title = one.title ?? one.latestMessage?.preview ?? UNTITLED;
    const name = h("span", { class: "name" }, title);
    const unread =
      one.unread &&
      one.id !== this.#open &&
      h("span", { class: "dot", role: "img", "aria-label": "Unread" });
    const open = h(
      "a",
      { href: `#c=${one.id}`, "data-id": one.id, "data-key": one.id },
      one.pinned && icon("pin"),
      name,
      unread,
    );
    const more = iconButton("more", `More about ${title}`, {
      "aria-haspopup": "menu",
      "data-key": `${one.id} more`,
    });
    more.addEventListener("click", () => this.openMenu(more, one));
    return h("li", { class: "row-of-list" }, open, more);
  }

  #showFound({ searchConversations, searchMessages }) {
    const titles = searchConversations.edges.map(({ excerpt, node }) =>
      found(node.id, highlighted(excerpt)),
    );
    const newest = new Map(); // of each conversation
    for (const edge of searchMessages.edges) {
      const { conversation } = edge.node;
      if (conversation && !newest.has(conversation.id)) newest.set(conversation.id, edge);
    }
    const texts = [...newest.values()].map(({ excerpt, node: { conversation } }) =>
      found(
        conversation.id,
        [conversation.title ?? UNTITLED],
        h("small", {}, highlighted(excerpt)),
      ),
    );
    const none = titles.length + texts.length === 0;
    replace(
      $("lists"),
      none && h("p", { class: "hint" }, "Nothing was found."),
      section("Titles", titles),
      section("Messages", texts),
    );
    this.mark(this.#open);
  }
}

function section(name, rows) {
  if (rows.length === 0) return null;
  return h("section", { "aria-label": name }, h("h2", {}, name), h("ul", {}, rows));
}

function found(id, name, below = null) {
  const link = { href: `#c=${id}`, "data-id": id, class: "found" };
  return h("li", {}, h("a", link, h("span", { class: "name" }, name), below));
}

/** An excerpt with what was searched for marked. */
function highlighted(excerpt) {
  return excerpt.split(MARKED).map((text, at) => (at % 2 ? h("mark", {}, text) : text));
}
