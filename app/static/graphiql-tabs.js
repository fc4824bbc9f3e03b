"use strict";

/* The prepared tabs. `examples.projectId` is a project of the demo data, where there is one. */
function preparedTabs(examples, headers) {
  const projectId = examples.projectId ?? "put a project's id here";
  const tab = (query, variables = {}) => ({
    query: query.trim() + "\n",
    variables: JSON.stringify(variables, null, 2),
    headers,
  });
  return [
    tab(`
# Welcome to Punnet.
#
# Press the pink button (or Ctrl-Enter) to run this tab,
# then go through the tabs from left to right.
# You are the demo user; the token is in "Headers" below.

query ListProjects {
  me {
    id
    name
  }
  projects(first: 10) {
    nodes {
      id
      name
      createdAt
      previewAttachment {
        url
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}`),
    tab(
      `
# One project: its newest messages, each with what
# belongs to it. For another project, copy its id from
# the first tab into the variables below.

query OpenProject($projectId: ID!) {
  project(id: $projectId) {
    id
    name
    messages(last: 10) {
      nodes {
        id
        role
        status
        content
        fragment {
          id
          title
          files
        }
        attachments {
          id
          type
          url
        }
      }
    }
  }
}`,
      { projectId },
    ),
    tab(
      `
# Say what you want to have built: this makes a project
# with your first message. The answer ("reply") starts
# at once; read it in the tab WatchAnswer.

mutation CreateProject($content: String!) {
  createProjectWithMessage(input: { content: $content }) {
    project {
      id
      name
    }
    message {
      id
      content
    }
    reply {
      id
      status
    }
  }
}`,
      { content: "A page for a small bakery, with opening hours and a menu" },
    ),
    tab(
      `
# Send a message to a project. "reply" is the answer,
# still empty. Go on to the next tab to read it while
# it is being written.

mutation SendMessage($projectId: ID!, $content: String!) {
  sendMessage(input: { to: { projectId: $projectId }, content: $content }) {
    message {
      id
      status
    }
    reply {
      id
      status
    }
  }
}`,
      { projectId, content: "Make the heading larger and add a contact form" },
    ),
    tab(
      `
# Watch an answer being written, piece by piece.
# Run SendMessage first. {{reply}} in the variables is
# the newest reply made in this page; the id of any
# other message works as well. No hurry: whoever comes
# late gets everything from the start.
# "textSoFar" is added by this page: all pieces in one.

subscription WatchAnswer($messageId: ID!) {
  messageStreamed(messageId: $messageId) {
    part
    kind
    text
    cursor
    reset
  }
}`,
      { messageId: "{{reply}}" },
    ),
    tab(
      `
# Everything that happens to a project's messages, for
# as long as this runs. Run it, open this page a second
# time beside it, and send a message there: it appears
# here, and its answer goes from PENDING to COMPLETE.
# (The first event is only a cursor, to resume from.)

subscription WatchProject($projectId: ID!) {
  messageChanged(of: { projectId: $projectId }) {
    node {
      id
      role
      status
      content
    }
    deletedId
    cursor
    reset
  }
}`,
      { projectId },
    ),
  ];
}
