"""The API: types, inputs and thin resolvers over the models of the same name."""
