/* Files that are to go with the next message: announced, sent, completed. */

import { $, announce, bytes, complain, h, icon, iconButton, replace } from "./dom.js";
import { ask, newKey, Unreachable } from "./api.js";
import { ANNOUNCE, COMPLETE } from "./documents.js";

const MOST = 10;
const LARGEST = 10 * 2 ** 20; // bytes that the server takes
const TYPES = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  pdf: "application/pdf",
  txt: "text/plain",
  md: "text/markdown",
  csv: "text/csv",
  json: "application/json",
  xls: "application/vnd.ms-excel",
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
};

/** What a file input may offer. */
export const ACCEPTED = Object.keys(TYPES)
  .map((ending) => `.${ending}`)
  .join();

/** The chosen files; `changed` is told when one comes, goes or is ready. */
export class Uploads {
  #files = [];
  #changed;

  constructor(changed) {
    this.#changed = changed;
  }

  /** The ids of the files that are ready. */
  get ready() {
    return this.#files.filter((one) => one.state === "ready").map((one) => one.id);
  }

  /** Whether some are still on their way. */
  get pending() {
    return this.#files.some((one) => one.state === "sending");
  }

  /** Begins to send files. */
  add(files) {
    for (const file of files) {
      const type = TYPES[file.name.split(".").at(-1).toLowerCase()];
      if (this.#files.length >= MOST) return complain(new Error(`At most ${MOST} files at once.`));
      if (!type) complain(new Error(`${file.name}: this kind of file is not taken.`));
      else if (file.size > LARGEST) complain(new Error(`${file.name} is larger than 10 MB.`));
      else this.#send(file, type);
    }
    return undefined;
  }

  /** Lets go of all: they belong to a message now. */
  clear() {
    for (const one of this.#files) URL.revokeObjectURL(one.picture);
    this.#files = [];
    this.#show();
  }

  async #send(file, type) {
    const picture = type.startsWith("image/") ? URL.createObjectURL(file) : null;
    const one = {
      name: file.name,
      size: file.size,
      picture,
      state: "sending",
      id: null,
      key: newKey(),
    };
    this.#files.push(one);
    this.#show();
    try {
      one.id = await upload(file, type);
      one.state = "ready";
      announce(`${file.name} is attached.`);
    } catch (error) {
      this.#remove(one);
      error.message = `${file.name}: ${error.message}`;
      complain(error);
    }
    this.#show();
  }

  #remove(one) {
    URL.revokeObjectURL(one.picture);
    this.#files = this.#files.filter((other) => other !== one);
    this.#show();
  }

  #show() {
    $("chosen").hidden = this.#files.length === 0;
    replace(
      $("chosen"),
      this.#files.map((one) => this.#item(one)),
    );
    this.#changed();
  }

  #item(one) {
    const shown = one.picture ? h("img", { src: one.picture, alt: "" }) : icon("file");
    const state = one.state === "sending" ? "Uploading…" : bytes(one.size);
    const gone = iconButton("close", `Remove ${one.name}`, {
      "data-key": one.key,
      onclick: () => this.#remove(one),
    });
    const text = h("span", {}, one.name, h("small", {}, state));
    return h("li", { class: one.state }, shown, text, gone);
  }
}

/** Sends one file; resolves with its id. */
async function upload(file, contentType) {
  const input = { fileName: file.name, contentType, size: file.size, idempotencyKey: newKey() };
  const { createUpload } = await ask(ANNOUNCE, { input });
  const { method, url, headers } = createUpload.upload;
  const named = Object.fromEntries(headers.map(({ name, value }) => [name, value]));
  const response = await fetch(url, { method, headers: named, body: file }).catch(() => null);
  if (response === null) throw new Unreachable();
  if (!response.ok) throw new Error("It could not be sent.");
  const { completeUpload } = await ask(COMPLETE, { id: createUpload.file.id });
  return completeUpload.file.id;
}
