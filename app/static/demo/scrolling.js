/* Where the reader is in the thread: who was at the end stays there while text comes. */

import { $ } from "./dom.js";

const NEAR = 80; // pixels from the end that count as being there

/** The place in the thread. */
export class Place {
  #atEnd = true;

  constructor() {
    $("scroll").addEventListener("scroll", () => this.#scrolled(), { passive: true });
    $("to-end").addEventListener("click", () => this.toEnd());
  }

  /** Goes to the end, and stays there. */
  toEnd() {
    this.#atEnd = true;
    $("scroll").scrollTop = $("scroll").scrollHeight;
    $("to-end").hidden = true;
  }

  /** Text came: goes to the end if the reader was there. */
  grew() {
    if (this.#atEnd) this.toEnd();
    else $("to-end").hidden = false;
  }

  /** Runs what adds messages above, and leaves before the eyes what was there. */
  async keep(add) {
    const scroll = $("scroll");
    const below = scroll.scrollHeight - scroll.scrollTop;
    this.#atEnd = false;
    await add();
    scroll.scrollTop = scroll.scrollHeight - below;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = $("scroll");
    this.#atEnd = scrollHeight - scrollTop - clientHeight < NEAR;
    $("to-end").hidden = this.#atEnd;
  }
}
