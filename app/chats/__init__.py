"""Importers of the chats that users had elsewhere: ChatGPT's and Claude's data exports."""
