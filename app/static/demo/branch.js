/* The selected branch of a conversation, as far back as the reader has asked for. */

import { ask } from "./api.js";
import { THREAD } from "./documents.js";

/** A conversation with the newest pages of its messages; null when there is none. */
export async function loadBranch(id, pages) {
  let found = null;
  let before = null;
  for (let page = 0; page < pages; page += 1) {
    const { conversation } = await ask(THREAD, { id, before });
    if (conversation === null) return null;
    const { nodes, pageInfo } = conversation.messages;
    const messages = [...nodes, ...(found?.messages ?? [])];
    found = { ...conversation, messages, hasEarlier: pageInfo.hasPreviousPage };
    before = pageInfo.startCursor;
    if (!found.hasEarlier) break;
  }
  return found;
}
