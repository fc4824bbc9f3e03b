// What relay-compiler compiles. In an app its Babel plugin puts each artifact where the text is;
// the test asks for the artifacts by name.
import { graphql } from "relay-runtime";

graphql`
  query ChatProjectsQuery($first: Int, $after: String) {
    projects(first: $first, after: $after) {
      edges { cursor node { id name framework createdAt } }
      pageInfo { hasNextPage endCursor }
    }
  }
`;

graphql`
  mutation ChatStartMutation($input: CreateProjectWithMessageInput!) {
    createProjectWithMessage(input: $input) {
      project { id name }
      message { id content }
      reply { id status content }
    }
  }
`;

graphql`
  subscription ChatStreamedSubscription($id: ID!, $after: String) {
    messageStreamed(messageId: $id, after: $after) { part kind text cursor reset }
  }
`;

graphql`
  query ChatListQuery($first: Int!) { ...Chat_list @arguments(first: $first) }
`;

graphql`
  fragment Chat_list on Query
  @refetchable(queryName: "ChatListPaginationQuery")
  @argumentDefinitions(first: { type: "Int", defaultValue: 20 }, after: { type: "String" }) {
    projects(first: $first, after: $after) @connection(key: "Chat_projects") {
      edges { node { id name } }
    }
  }
`;

graphql`
  query ChatProjectQuery($id: ID!) {
    node(id: $id) {
      __typename
      ...Chat_project @alias(as: "project") @arguments(last: 2)
    }
  }
`;

graphql`
  fragment Chat_project on Project
  @refetchable(queryName: "ChatProjectPaginationQuery")
  @argumentDefinitions(last: { type: "Int", defaultValue: 20 }, before: { type: "String" }) {
    id
    name
    messages(last: $last, before: $before) @connection(key: "Chat_messages") {
      edges { node { id orderId ...Chat_message } }
    }
  }
`;

graphql`
  fragment Chat_message on Message @refetchable(queryName: "ChatMessageRefetchQuery") {
    role
    status
    content
  }
`;

graphql`
  mutation ChatCreateMutation($input: CreateProjectInput!, $connections: [ID!]!) {
    createProject(input: $input) {
      project @prependNode(connections: $connections, edgeTypeName: "ProjectEdge") { id name }
    }
  }
`;

graphql`
  mutation ChatDeleteMutation($input: DeleteProjectInput!, $connections: [ID!]!) {
    deleteProject(input: $input) {
      deletedProjectId @deleteEdge(connections: $connections) @deleteRecord
    }
  }
`;

graphql`
  subscription ChatChangedSubscription($id: ID!, $after: String) {
    messageChanged(of: { projectId: $id }, after: $after) {
      cursor
      reset
      deletedId
      node { id orderId ...Chat_message }
    }
  }
`;
