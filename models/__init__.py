"""The domain: tables, their verbs and rules. Knows neither GraphQL nor HTTP."""
