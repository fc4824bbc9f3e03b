"""Projects, conversations, messages and attachments."""
