// Types and hashes for usage.ts of ../codegen.
export default {
  documents: ["../codegen/usage.ts"],
  generates: {
    "generated/": {
      preset: "client",
      schema: "../../../schema.graphql",
      presetConfig: { persistedDocuments: true },
      config: { scalars: { DateTime: "string", Decimal: "string", JSON: "unknown" }, useTypeImports: true },
    },
  },
};
