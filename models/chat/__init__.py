"""Projects, conversations, messages, attachments, and the generations that answer them."""
