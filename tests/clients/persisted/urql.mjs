import { cacheExchange, Client, fetchExchange } from "@urql/core";
import { persistedExchange } from "@urql/exchange-persisted";

export const connect = (options) =>
  new Client({
    exchanges: [cacheExchange, persistedExchange({ enableForMutation: true }), fetchExchange],
    ...options,
  });
