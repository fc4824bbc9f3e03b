"use strict";

(() => {
  const config = JSON.parse(document.getElementById("config").textContent);
  const examples = JSON.stringify(config.examples);
  // GraphiQL's dialogs add a <style> element; the content security policy asks for this nonce.
  window.__webpack_nonce__ = config.nonce;

  // Tabs, headers and history live as long as the browser tab: no token stays on disk. A new
  // database has other ids, so what was kept for the old one is dropped.
  const storage = window.sessionStorage;
  if (storage.getItem("punnet:examples") !== examples) {
    storage.clear();
    storage.setItem("punnet:examples", examples);
  }

  const send = GraphiQL.createFetcher({
    url: config.endpoint,
    subscriptionUrl: new URL(config.endpoint, location.href).href.replace(/^http/, "ws"),
    enableIncrementalDelivery: false,
    headers: { accept: "application/graphql-response+json, application/json;q=0.9" },
  });

  /** Runs an operation. The headers editor also goes into the WebSocket's connection_init. */
  async function fetcher(params, options = {}) {
    const reply = storage.getItem("punnet:reply");
    const variables = Object.entries(params.variables ?? {});
    if (reply === null && variables.some(([, value]) => value === "{{reply}}")) {
      return { errors: [{ message: "There is no reply to watch yet: run SendMessage first." }] };
    }
    const filled = variables.map(([name, value]) => [name, value === "{{reply}}" ? reply : value]);
    const headers = Object.entries(options.headers ?? {});
    const result = await send(
      { ...params, ...operation(params), variables: Object.fromEntries(filled) },
      {
        documentAST: parsed(params.query),
        headers: Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value])),
      },
    );
    return Symbol.asyncIterator in result ? mapped(result, withTextSoFar()) : remember(result);
  }

  function parsed(query) {
    try {
      return GraphiQL.GraphQL.parse(query, { noLocation: true });
    } catch {
      return undefined; // The server will say what is wrong with it.
    }
  }

  /** Names the operation; just after a change of tabs GraphiQL still names the old tab's. */
  function operation({ query, operationName }) {
    const operations = parsed(query)?.definitions.filter((d) => d.kind === "OperationDefinition");
    if (operations?.length !== 1) return { operationName };
    return { operationName: operations[0].name?.value };
  }

  /** Keeps the id of the newest `reply`, for `{{reply}}`. */
  function remember(result) {
    for (const payload of Object.values(result.data ?? {})) {
      if (payload?.reply?.id) storage.setItem("punnet:reply", payload.reply.id);
    }
    return result;
  }

  /** Adds to each event of messageStreamed the text of all events until then. */
  function withTextSoFar() {
    const parts = new Map();
    return (result) => {
      const event = result.data?.messageStreamed;
      if (typeof event?.text !== "string") return result;
      if (event.reset) parts.clear();
      parts.set(event.part, (parts.get(event.part) ?? "") + event.text);
      const textSoFar = [...parts.values()].join("\n\n");
      return { ...result, extensions: { ...result.extensions, textSoFar } };
    };
  }

  // Not an async generator: its return() would wait for the next event before it stops.
  function mapped(source, change) {
    const events = source[Symbol.asyncIterator]();
    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      async next() {
        const { done, value } = await events.next();
        return done ? { done, value } : { done, value: change(value) };
      },
      return: (value) => events.return(value),
      throw: (error) => events.throw(error),
    };
  }

  const headers = config.token
    ? JSON.stringify({ Authorization: `Bearer ${config.token}` }, null, 2)
    : "";
  const props = {
    fetcher,
    storage,
    shouldPersistHeaders: true,
    defaultTabs: preparedTabs(config.examples, headers),
    defaultHeaders: headers,
    defaultQuery: "",
    defaultEditorToolsVisibility: "variables",
  };
  ReactDOM.createRoot(document.getElementById("graphiql")).render(
    React.createElement(GraphiQL, props, React.createElement(GraphiQL.Logo, null, "Punnet")),
  );
})();
