import { ApolloClient, HttpLink, InMemoryCache } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { generatePersistedQueryIdsFromManifest } from "@apollo/persisted-query-lists";

export const connect = (options, loadManifest) =>
  new ApolloClient({
    cache: new InMemoryCache(),
    link: new PersistedQueryLink(generatePersistedQueryIdsFromManifest({ loadManifest })).concat(
      new HttpLink(options),
    ),
  });
