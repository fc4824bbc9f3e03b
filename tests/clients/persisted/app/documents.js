// What Apollo's tool finds in a front end.
import { gql } from "@apollo/client";

export const Names = gql`
  query Names($first: Int) { projects(first: $first) { ...NamesPage } }
  fragment NamesPage on ProjectConnection { nodes { id name } }
`;

export const Rename = gql`
  mutation Rename($input: UpdateProjectInput!) { updateProject(input: $input) { project { id name } } }
`;

export const Streamed = gql`
  subscription Streamed($id: ID!) { messageStreamed(messageId: $id) { part kind text cursor reset } }
`;
