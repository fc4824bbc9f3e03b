// A query, a mutation and a subscription with urql.
import { cacheExchange, Client, fetchExchange, gql } from "@urql/core";

const client = new Client({
  url: process.env.PUNNET_URL,
  exchanges: [cacheExchange, fetchExchange],
  fetchOptions: { headers: { authorization: `Bearer ${process.env.PUNNET_TOKEN}` } },
  fetchSubscriptions: true, // over server-sent events
});

const Projects = gql`
  query { projects(first: 5) { nodes { id name } } }
`;
const Start = gql`
  mutation ($input: CreateProjectWithMessageInput!) {
    createProjectWithMessage(input: $input) { project { id name } reply { id } }
  }
`;
const Streamed = gql`
  subscription ($id: ID!) { messageStreamed(messageId: $id) { text cursor } }
`;

const { data } = await client.query(Projects, {});
console.log(data.projects.nodes);

const started = await client.mutation(Start, { input: { content: "Build a strawberry counter" } });
const { project, reply } = started.data.createProjectWithMessage;
console.log(project);

client.subscription(Streamed, { id: reply.id }).subscribe(({ data, error, hasNext }) => {
  if (error) throw error;
  // urql repeats the last result when the stream has ended.
  if (hasNext) process.stdout.write(data.messageStreamed.text);
});
