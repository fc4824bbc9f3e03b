// A query, a mutation and a subscription with Apollo Client.
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { relayStylePagination } from "@apollo/client/utilities";
import { OperationTypeNode } from "graphql";
import { createClient } from "graphql-ws";

const uri = process.env.PUNNET_URL;
const authorization = `Bearer ${process.env.PUNNET_TOKEN}`;
const socket = createClient({ url: uri.replace("http", "ws"), connectionParams: { authorization } });

const client = new ApolloClient({
  link: ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(socket),
    new HttpLink({ uri, headers: { authorization } }),
  ),
  cache: new InMemoryCache({
    typePolicies: { Query: { fields: { projects: relayStylePagination() } } },
  }),
});

const Projects = gql`
  query { projects(first: 5) { edges { node { id name } } pageInfo { hasNextPage endCursor } } }
`;
const Start = gql`
  mutation ($input: CreateProjectWithMessageInput!) {
    createProjectWithMessage(input: $input) { project { id name } reply { id } }
  }
`;
const Streamed = gql`
  subscription ($id: ID!) { messageStreamed(messageId: $id) { text cursor } }
`;

const { data } = await client.query({ query: Projects });
console.log(data.projects.edges.map(({ node }) => node));

const started = await client.mutate({
  mutation: Start,
  variables: { input: { content: "Build a strawberry counter" } },
});
const { project, reply } = started.data.createProjectWithMessage;
console.log(project);

client.subscribe({ query: Streamed, variables: { id: reply.id } }).subscribe({
  next: ({ data }) => process.stdout.write(data.messageStreamed.text),
  error: (error) => { throw error; },
});
