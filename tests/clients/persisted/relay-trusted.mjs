import relay from "relay-runtime";

export const connect = ({ url, headers }) => {
  const post = async ({ id, name }, variables) => {
    const response = await fetch(url, {
      method: "POST",
      headers: {
        accept: "application/graphql-response+json",
        "content-type": "application/json",
        ...headers,
      },
      body: JSON.stringify({ doc_id: id, operationName: name, variables }),
    });
    return response.json();
  };
  return new relay.Environment({
    network: relay.Network.create(post),
    store: new relay.Store(new relay.RecordSource()),
  });
};
