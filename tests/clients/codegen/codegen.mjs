// Types for usage.ts, once from schema.graphql and once from the running server.
const types = {
  preset: "client",
  config: {
    scalars: { DateTime: "string", Decimal: "string", JSON: "unknown" },
    strictScalars: true,
    useTypeImports: true,
  },
};

export default {
  documents: ["usage.ts"],
  generates: {
    "generated/": { ...types, schema: "../../../schema.graphql" },
    // A server tells which inputs are @oneOf only when it is asked for it.
    "introspected/": { ...types, schema: [{ [process.env.PUNNET_URL]: { oneOf: true } }] },
  },
};
