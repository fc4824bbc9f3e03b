/* Light, dark, or what the system says. */

import { $ } from "./dom.js";

const THEME = "punnet:theme";
const NEXT = { system: "light", light: "dark", dark: "system" };

const chosen = () => localStorage.getItem(THEME) ?? "system";

/** Shows the theme that was chosen. */
export function showTheme() {
  document.documentElement.dataset.theme = chosen();
  const label = `Theme: ${chosen()}`;
  $("theme").setAttribute("aria-label", label);
  $("theme").title = label;
}

/** Goes on to the next one. */
export function nextTheme() {
  localStorage.setItem(THEME, NEXT[chosen()]);
  showTheme();
}
