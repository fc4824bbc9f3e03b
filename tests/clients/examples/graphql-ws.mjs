// A stream that goes on by itself when the connection was lost, with graphql-ws alone.
import { createClient } from "graphql-ws";

const client = createClient({
  url: process.env.PUNNET_URL.replace("http", "ws"),
  connectionParams: { authorization: `Bearer ${process.env.PUNNET_TOKEN}` },
});

const run = async (query, variables) => {
  for await (const { data } of client.iterate({ query, variables })) return data;
};

const { projects } = await run(`{ projects(first: 5) { nodes { id name } } }`);
console.log(projects.nodes);

const { createProjectWithMessage } = await run(
  `mutation ($input: CreateProjectWithMessageInput!) {
    createProjectWithMessage(input: $input) { project { id name } reply { id } }
  }`,
  { input: { content: "Build a strawberry counter" } },
);
console.log(createProjectWithMessage.project);

let text = "";
let cursor;
const variables = {
  id: createProjectWithMessage.reply.id,
  // Read again at each reconnect: the stream goes on where it was cut.
  get after() {
    return cursor;
  },
};
const query = `subscription ($id: ID!, $after: String) {
  messageStreamed(messageId: $id, after: $after) { text cursor reset }
}`;
for await (const { data } of client.iterate({ query, variables })) {
  const piece = data.messageStreamed;
  text = (piece.reset ? "" : text) + piece.text;
  cursor = piece.cursor;
}
console.log(text);
