"""The outside services that users connect: leaving for them, keeping their tokens, using them."""
