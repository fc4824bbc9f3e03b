/* Where messages are written: text, files, the model, and sending or stopping. */

import { $, attempt, h, icon, replace } from "./dom.js";
import { newKey, Refused } from "./api.js";
import { ACCEPTED, Uploads } from "./uploads.js";

const DRAFT = "punnet:draft:";
const MODEL = "punnet:model";

const hasKeyboard = () => matchMedia("(hover: hover)").matches;

/** The form below the thread. */
export class Composer {
  #thread;
  #limits;
  #uploads = new Uploads(() => this.show());
  #sending = false;
  #key = newKey();

  constructor(thread, limits) {
    this.#thread = thread;
    this.#limits = limits;
    $("files").accept = ACCEPTED;
    $("attach").append(icon("attach"));
    $("attach").addEventListener("click", () => $("files").click());
    $("files").addEventListener("change", () => this.#take($("files").files));
    $("composer").addEventListener("submit", (event) => this.#submit(event));
    $("model").addEventListener("change", () => localStorage.setItem(MODEL, $("model").value));
    const draft = $("draft");
    draft.addEventListener("input", () => this.#wrote());
    draft.addEventListener("keydown", (event) => this.#pressed(event));
    draft.addEventListener("paste", (event) => this.#take(event.clipboardData.files, event));
    $("main").addEventListener("dragover", (event) => event.preventDefault());
    $("main").addEventListener("drop", (event) => this.#take(event.dataTransfer.files, event));
  }

  /** Offers these models; the one chosen last is chosen again. */
  offer(models) {
    const options = models
      .filter((model) => model.available)
      .map(({ id }) => {
        const [provider, name] = id.split(":");
        return h("option", { value: id }, provider === "mock" ? `${name} (mock)` : name);
      });
    replace($("model"), options);
    this.choose(localStorage.getItem(MODEL));
  }

  /** Chooses a model, if it is on offer. */
  choose(model) {
    if ([...$("model").options].some((option) => option.value === model)) $("model").value = model;
  }

  /** Begins to write in another conversation, with what was left unsent there. */
  open() {
    $("draft").value = sessionStorage.getItem(this.#place) ?? "";
    this.#uploads.clear();
    this.#key = newKey();
    this.show();
    if (hasKeyboard()) $("draft").focus();
  }

  /** Writes a text for the user. */
  write(text) {
    $("draft").value = text;
    this.#wrote();
    $("draft").focus();
  }

  /** Shows whether to send or to stop, and whether either can be done. */
  show() {
    const stop = this.#thread.isBusy;
    const button = $("send");
    button.classList.toggle("stop", stop);
    button.setAttribute("aria-label", stop ? "Stop" : "Send");
    button.title = stop ? "Stop" : "Send";
    replace(button, icon(stop ? "stop" : "send"));
    const empty = $("draft").value.trim() === "";
    button.disabled =
      !stop && (empty || this.#sending || this.#uploads.pending || this.#limits.none);
  }

  get #place() {
    return DRAFT + (this.#thread.id ?? "new");
  }

  #wrote() {
    this.#key = newKey();
    const text = $("draft").value;
    if (text) sessionStorage.setItem(this.#place, text);
    else sessionStorage.removeItem(this.#place);
    this.show();
  }

  #pressed(event) {
    // On a phone there is no Shift: there Enter begins another line.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || !hasKeyboard()) return;
    event.preventDefault();
    if (!this.#thread.isBusy && !$("send").disabled) $("composer").requestSubmit();
  }

  #take(files, event) {
    if (files.length === 0) return;
    event?.preventDefault();
    this.#uploads.add([...files]);
    $("files").value = "";
  }

  async #submit(event) {
    event.preventDefault();
    if (this.#thread.isBusy) await this.#thread.stop();
    else if (!$("send").disabled) await attempt(() => this.#send());
    this.show();
  }

  /** Sends; what is refused stays in the box, and goes once however often it is tried. */
  async #send() {
    const place = this.#place;
    const text = $("draft").value.trim();
    this.#sending = true;
    this.show();
    try {
      await this.#thread.send(text, $("model").value || null, this.#uploads.ready, this.#key);
      sessionStorage.removeItem(place);
      if ($("draft").value.trim() === text) $("draft").value = "";
      this.#uploads.clear();
      this.#key = newKey();
    } catch (error) {
      if (error instanceof Refused) this.#key = newKey();
      throw error;
    } finally {
      this.#sending = false;
      await attempt(() => this.#limits.refresh());
    }
  }
}
