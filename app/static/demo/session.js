/* Who is here: a guest, whose token stays in this browser. */

import { ask, speakFor } from "./api.js";
import { CREATE_GUEST, SESSION } from "./documents.js";

const TOKEN = "punnet:token";

/** Goes on as the guest of the last time. False when there was none. */
export function resume() {
  const token = localStorage.getItem(TOKEN);
  speakFor(token);
  return token !== null;
}

/** Goes on as the guest of the last time, or a new one. */
export async function begin() {
  if (resume()) return;
  const { createGuest } = await ask(CREATE_GUEST);
  localStorage.setItem(TOKEN, createGuest.token);
  speakFor(createGuest.token);
}

/** The viewer and the models on offer. `me` is null when the guest is no more. */
export const session = () => ask(SESSION);

/** Forgets who was here. */
export function forget() {
  localStorage.removeItem(TOKEN);
  sessionStorage.clear();
  speakFor(null);
}

/** Tells when another tab of this browser began or left. */
export function onElsewhere(tell) {
  window.addEventListener("storage", (event) => event.key === TOKEN && tell());
}
