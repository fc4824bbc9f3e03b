/* The open conversation: its selected branch, kept up to date. */

import { $, announce, arrange, attempt, complain } from "./dom.js";
import { ask, follow, newKey, Unreachable } from "./api.js";
import { loadBranch } from "./branch.js";
import * as documents from "./documents.js";
import { isRunning, MessageView } from "./message.js";
import { Place } from "./scrolling.js";
import { Stream } from "./streaming.js";

const PATIENCE = 1_500; // milliseconds

/** Shows one conversation at a time. */
export class Thread {
  #told;
  #id = null;
  #cursor = null;
  #messages = [];
  #views = new Map();
  #streams = new Map();
  #pages = 1;
  #leave = () => {};
  #refreshing = null;
  #stale = false;
  #focus = null;
  #place = new Place();

  /** `told` has `changed(conversation)`, `settled()`, `gone()` and `moved(id)`. */
  constructor(told) {
    this.#told = told;
    $("earlier").firstElementChild.addEventListener("click", () => this.#showEarlier());
  }

  /** The id of the open conversation; null for one that is yet to begin. */
  get id() {
    return this.#id;
  }

  /** The answer that is being written, if there is one. */
  get running() {
    return this.#messages.find(isRunning) ?? null;
  }

  /** Whether nothing may be changed until an answer is whole. */
  get isBusy() {
    return this.running !== null;
  }

  /** A message has more text. */
  grew() {
    this.#place.grew();
  }

  /** Opens a conversation, or none. */
  open(id) {
    this.#leave();
    for (const stream of this.#streams.values()) stream.leave();
    this.#streams.clear();
    this.#views.clear();
    this.#messages = [];
    this.#id = id;
    this.#cursor = null;
    this.#pages = 1;
    this.#place.toEnd();
    this.#refreshing = null;
    $("thread").replaceChildren();
    $("earlier").hidden = true;
    $("thread").setAttribute("aria-busy", String(id !== null));
    this.#leave = id === null ? () => {} : this.#listen(id);
  }

  /** Subscribes, then queries: so nothing falls in between. */
  #listen(id) {
    return follow(documents.CHANGED, () => ({ id, after: this.#cursor }), {
      event: ({ cursor }) => {
        this.#cursor = cursor;
        this.refresh();
      },
      refused: () => this.#id === id && this.#told.gone(),
    });
  }

  /** Queries what is shown; calls in the meantime are one more query. */
  refresh() {
    this.#stale = true;
    this.#refreshing ??= this.#refresh();
    return this.#refreshing;
  }

  async #refresh() {
    const id = this.#id;
    try {
      while (this.#stale && id !== null && id === this.#id) {
        this.#stale = false;
        const conversation = await loadBranch(id, this.#pages);
        if (id !== this.#id) return;
        if (conversation === null) return void this.#told.gone();
        this.#show(conversation);
      }
    } catch (error) {
      if (id === this.#id) this.#failed(error);
    } finally {
      if (id === this.#id) this.#refreshing = null;
    }
  }

  /** What could not be asked is asked again: nobody will tell of it a second time. */
  #failed(error) {
    const id = this.#id;
    if (!(error instanceof Unreachable)) complain(error);
    else setTimeout(() => id === this.#id && this.refresh(), PATIENCE);
  }

  #show(conversation) {
    this.#messages = conversation.messages.filter(
      (one) => one.role === "USER" || one.role === "ASSISTANT",
    );
    this.#follow();
    const elements = this.#messages.map((message) => {
      const view = this.#views.get(message.id) ?? new MessageView(this);
      this.#views.set(message.id, view);
      view.show(message, this.#streams.get(message.id) ?? null);
      return view.element;
    });
    this.#drop(new Set(this.#messages.map((message) => message.id)));
    arrange($("thread"), elements);
    $("thread").setAttribute("aria-busy", "false");
    $("earlier").hidden = !conversation.hasEarlier;
    if (this.#focus) this.#views.get(this.#focus.id)?.focusOn(this.#focus.key);
    this.#focus = null;
    this.#place.grew();
    this.#told.changed(conversation);
    if (conversation.unread) attempt(() => ask(documents.READ, { id: conversation.id }));
  }

  #drop(kept) {
    for (const [id, view] of this.#views) {
      if (kept.has(id)) continue;
      view.element.remove();
      this.#views.delete(id);
    }
  }

  /** Follows what is being written, and nothing else. */
  #follow() {
    const running = new Set(this.#messages.filter(isRunning).map((message) => message.id));
    for (const id of running) if (!this.#streams.has(id)) this.#streams.set(id, this.#stream(id));
    for (const [id, stream] of this.#streams) {
      if (running.has(id)) continue;
      stream.leave();
      this.#streams.delete(id);
    }
  }

  #stream(id) {
    announce("The answer is being written.");
    const settled = async () => {
      this.#streams.delete(id);
      await this.refresh();
      announce("The answer is complete.");
      this.#told.settled();
    };
    return new Stream(id, {
      changed: () => this.#views.get(id)?.paintSoon(),
      ended: settled,
      refused: () => this.refresh(),
    });
  }

  /** Sends a message, here or in a new conversation. Rejects with what was refused. */
  async send(content, model, files, key) {
    const input = {
      content,
      model,
      attachments: files.map((fileId) => ({ fileId })),
      idempotencyKey: key,
    };
    this.#place.toEnd();
    if (this.#id === null) {
      const { startConversation } = await ask(documents.START, { input });
      this.#told.moved(startConversation.conversation.id);
    } else {
      await ask(documents.SEND, { input: { ...input, to: { conversationId: this.#id } } });
      await this.refresh();
    }
  }

  /** Adds a version of a message of the user's. */
  async edit(message, content) {
    const input = { id: message.id, content, idempotencyKey: newKey() };
    await ask(documents.EDIT, { input });
    await this.refresh();
    this.#told.settled();
    return true;
  }

  /** Adds a version of an answer. */
  regenerate(message) {
    const model = $("model").value || null;
    return attempt(async () => {
      await ask(documents.REGENERATE, {
        input: { id: message.id, model, idempotencyKey: newKey() },
      });
      await this.refresh();
      $("draft").focus();
      this.#told.settled();
    });
  }

  /** Shows another version; `expected` is the one that the reader sees. */
  select(id, expected, key) {
    return attempt(async () => {
      this.#focus = { id, key };
      await ask(documents.SELECT, { id, expected });
      await this.refresh();
    });
  }

  /** Copies what leads to a message into a conversation of its own. */
  fork(message) {
    return attempt(async () => {
      const { forkConversation } = await ask(documents.FORK, { id: message.id, key: newKey() });
      this.#told.moved(forkConversation.conversation.id);
    });
  }

  /** Ends the answer that is being written; its text stays. */
  stop() {
    const running = this.running;
    return (
      running &&
      attempt(async () => {
        await ask(documents.STOP, { id: running.id });
        await this.refresh();
      })
    );
  }

  async #showEarlier() {
    this.#pages += 1;
    await this.#place.keep(() => this.refresh());
  }
}
