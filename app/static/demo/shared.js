/* What a share link shows: to be read only, and gone on with in a conversation of one's own. */

import { $, announce, attempt, h, replace, when } from "./dom.js";
import { ask, follow, newKey } from "./api.js";
import { FORK_SHARED, SHARED, SHARED_CHANGED } from "./documents.js";
import { attachments, Parts } from "./parts.js";
import { begin } from "./session.js";

/** Shows one shared conversation at a time; `forked(id)` is told of the reader's own. */
export class SharedPage {
  #token = null;
  #leave = () => {};
  #forked;

  constructor(forked) {
    this.#forked = forked;
    $("continue").addEventListener("click", () => this.#fork());
  }

  /** Shows what a link leads to. */
  open(token) {
    this.close();
    this.#token = token;
    $("shared-thread").replaceChildren();
    $("continue").hidden = true;
    this.#leave = follow(SHARED_CHANGED, () => ({ token }), {
      event: () => this.#refresh(token),
      refused: () => this.#over(token),
    });
  }

  /** Stops listening. */
  close() {
    this.#leave();
    this.#token = null;
  }

  async #refresh(token) {
    const found = await attempt(() => load(token));
    if (found === undefined || this.#token !== token) return;
    if (found === null) this.#over(token);
    else this.#show(found);
  }

  #show({ heading, frozen, expiresAt, messages }) {
    const title = heading?.title ?? "A shared conversation";
    $("shared-title").textContent = title;
    document.title = `${title} · Punnet`;
    const until = expiresAt ? ` It ends ${when(expiresAt)}.` : "";
    $("shared-note").textContent = (frozen ? "Shared as it was." : "Shared as it goes on.") + until;
    $("continue").hidden = messages.length === 0;
    replace($("shared-thread"), messages.map(message));
  }

  #over(token) {
    if (this.#token !== token) return;
    $("shared-title").textContent = "There is nothing here";
    $("shared-note").textContent = "";
    $("continue").hidden = true;
    const why = "The link has ended, or it is for people who are signed in.";
    replace($("shared-thread"), h("li", { class: "message over" }, why));
    announce(why);
  }

  #fork() {
    return attempt(async () => {
      $("continue").disabled = true;
      try {
        await begin();
        const made = await ask(FORK_SHARED, { token: this.#token, key: newKey() });
        this.#forked(made.forkSharedConversation.conversation.id);
      } finally {
        $("continue").disabled = false;
      }
    });
  }
}

/** All that is shown, page after page; null when the link lets nobody in. */
async function load(token) {
  let found = null;
  let after = null;
  do {
    const { sharedConversation } = await ask(SHARED, { token, after });
    if (sharedConversation === null) return null;
    const { nodes, pageInfo } = sharedConversation.messages;
    found = { ...sharedConversation, messages: [...(found?.messages ?? []), ...nodes] };
    after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
  } while (after !== null);
  return found;
}

function message(one) {
  const mine = one.role === "USER";
  const parts = new Parts();
  parts.show(one.contentParts);
  return h(
    "li",
    { class: mine ? "message mine" : "message", "aria-label": mine ? "Question" : "Answer" },
    attachments(one.attachments),
    h("div", { class: "body" }, parts.element),
  );
}
