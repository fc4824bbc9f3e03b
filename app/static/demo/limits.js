/* How many messages and uploads the day still has. */

import { $, h, when } from "./dom.js";
import { ask } from "./api.js";
import { LIMITS } from "./documents.js";

/** Shows what is left; `none` tells whether another message would be refused. */
export class Limits {
  #messages = null;

  /** Whether no message is left today. */
  get none() {
    return this.#messages?.remaining === 0;
  }

  /** Asks anew. */
  async refresh() {
    const { usageLimits } = await ask(LIMITS);
    this.#messages = usageLimits?.messages ?? null;
    $("limits").replaceChildren(
      ...meter("Messages", usageLimits?.messages),
      ...meter("Uploads", usageLimits?.uploads),
    );
    this.#say();
  }

  #say() {
    const one = this.#messages;
    const few = one !== null && one.remaining <= 5;
    $("left").textContent = few ? `${one.remaining} of ${one.limit} left today` : "";
    $("left").classList.toggle("low", few && one.remaining <= 1);
    $("dock-note").textContent = this.none
      ? `That was today’s last message. There are ${one.limit} more from ${when(one.resetsAt)}.`
      : "Answers come from a model and may be wrong.";
    $("dock-note").classList.toggle("low", this.none);
  }
}

function meter(name, one) {
  if (!one) return [];
  const label = `${name} left today`;
  const bar = h("meter", { min: 0, max: one.limit, value: one.remaining, "aria-label": label });
  const text = h("span", {}, `${one.remaining} of ${one.limit}`);
  return [
    h(
      "div",
      { class: "limit", title: `Until ${when(one.resetsAt)}` },
      h("span", {}, name),
      bar,
      text,
    ),
  ];
}
