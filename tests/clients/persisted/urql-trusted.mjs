import { cacheExchange, Client, fetchExchange } from "@urql/core";
import { persistedExchange } from "@urql/exchange-persisted";

const trusted = persistedExchange({
  enforcePersistedQueries: true,
  enableForMutation: true,
  enableForSubscriptions: true,
  generateHash: async (_text, document) => document.__meta__.hash,
});

export const connect = (options) =>
  new Client({ exchanges: [cacheExchange, trusted, fetchExchange], ...options });
