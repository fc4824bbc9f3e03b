"""Projects, conversations, messages and what streams into them."""
