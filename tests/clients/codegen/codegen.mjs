// Types for usage.ts, from where CODEGEN_SCHEMA says, into the folder that CODEGEN_OUTPUT names.
export default {
  // A server is asked which inputs are @oneOf only on demand.
  schema: [{ [process.env.CODEGEN_SCHEMA]: { oneOf: true } }],
  documents: ["usage.ts"],
  generates: {
    [`${process.env.CODEGEN_OUTPUT}/`]: {
      preset: "client",
      config: {
        scalars: { DateTime: "string", JSON: "unknown" },
        strictScalars: true,
        useTypeImports: true,
      },
    },
  },
};
