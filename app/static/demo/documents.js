/* Everything that this page asks of the API. */

const CARD = `fragment Card on Conversation {
  id title pinned unread updatedAt latestMessage { preview }
}`;

const PARTS = `fragment Parts on MessagePart {
  __typename
  ... on TextPart { text }
  ... on ReasoningPart { text }
  ... on ToolCallPart { callId name arguments }
  ... on ToolResultPart { callId name result }
  ... on FilePart { url name mediaType }
  ... on SourcePart { url title }
}`;

export const CREATE_GUEST = `mutation { createGuest(input: {}) { token } }`;

export const SESSION = `query {
  me { id name anonymous }
  models { id provider tier available }
}`;

export const LIMITS = `query {
  usageLimits { messages { ...L } uploads { ...L } }
}
fragment L on UsageLimit { limit used remaining resetsAt }`;

export const LISTS = `query($after: String) {
  pinnedConversations(first: 20) { nodes { ...Card } }
  conversations(first: 30, after: $after) {
    nodes { ...Card }
    pageInfo { hasNextPage endCursor }
  }
}
${CARD}`;

export const SEARCH = `query($words: String!) {
  searchConversations(words: $words, first: 10) { edges { excerpt node { id title } } }
  searchMessages(words: $words, first: 15) {
    edges { excerpt node { id role conversation { id title } } }
  }
}`;

export const UPDATE = `mutation($input: UpdateConversationInput!) {
  updateConversation(input: $input) { conversation { id title pinned } }
}`;

export const DELETE = `mutation($id: ID!) {
  deleteConversation(input: { id: $id }) { deletedConversationId }
}`;

export const READ = `mutation($id: ID!) {
  markConversationRead(input: { id: $id }) { conversation { id } }
}`;

export const THREAD = `query($id: ID!, $before: String) {
  conversation(id: $id) {
    id title pinned model unread
    messages(last: 30, before: $before) {
      nodes {
        id role type status outcome model createdAt
        contentParts { ...Parts }
        attachments { id type url thumbnailUrl fileName fileType size }
        toolCalls { id callId name arguments state expiresAt }
        siblings { id selected }
      }
      pageInfo { hasPreviousPage startCursor }
    }
  }
}
${PARTS}`;

export const CHANGED = `subscription($id: ID!, $after: String) {
  messageChanged(of: { conversationId: $id }, after: $after) { cursor reset }
}`;

export const STREAMED = `subscription($id: ID!, $after: String) {
  messageStreamed(messageId: $id, after: $after) { part kind text cursor reset }
}`;

export const START = `mutation($input: StartConversationInput!) {
  startConversation(input: $input) { conversation { id } reply { id } }
}`;

export const SEND = `mutation($input: SendMessageInput!) {
  sendMessage(input: $input) { reply { id } }
}`;

export const EDIT = `mutation($input: EditMessageInput!) {
  editMessage(input: $input) { message { id } }
}`;

export const REGENERATE = `mutation($input: RegenerateMessageInput!) {
  regenerateMessage(input: $input) { reply { id } }
}`;

export const SELECT = `mutation($id: ID!, $expected: ID) {
  selectBranch(input: { id: $id, expectedId: $expected }) { message { id } }
}`;

export const STOP = `mutation($id: ID!) { stopMessage(input: { id: $id }) { message { id } } }`;

export const FORK = `mutation($id: ID!, $key: String) {
  forkConversation(input: { messageId: $id, idempotencyKey: $key }) { conversation { id } }
}`;

export const APPROVE = `mutation($id: ID!) {
  approveToolCall(input: { id: $id }) { toolCall { id } }
}`;

export const DENY = `mutation($id: ID!) {
  denyToolCall(input: { id: $id }) { toolCall { id } }
}`;

export const ANNOUNCE = `mutation($input: CreateUploadInput!) {
  createUpload(input: $input) { file { id } upload { method url headers { name value } } }
}`;

export const COMPLETE = `mutation($id: ID!) {
  completeUpload(input: { id: $id }) { file { id } }
}`;

export const LINKS = `query($id: ID!) {
  conversation(id: $id) { id shareLinks { id mode people messageId expiresAt createdAt } }
}`;

export const SHARE = `mutation($input: CreateShareLinkInput!) {
  createShareLink(input: $input) { token shareLink { id } }
}`;

export const REVOKE = `mutation($id: ID!) { revokeShareLink(input: { id: $id }) { revokedLinkId } }`;

export const SHARED = `query($token: String!, $after: String) {
  sharedConversation(token: $token) {
    frozen expiresAt
    heading { title createdAt }
    messages(first: 50, after: $after) {
      nodes {
        id role type model createdAt
        contentParts { ...Parts }
        attachments { type url thumbnailUrl fileName fileType size }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
}
${PARTS}`;

export const SHARED_CHANGED = `subscription($token: String!) {
  sharedConversationChanged(token: $token) { reset }
}`;

export const FORK_SHARED = `mutation($token: String!, $key: String) {
  forkSharedConversation(input: { token: $token, idempotencyKey: $key }) { conversation { id } }
}`;
