"""Users, and later their sessions, organisations and keys."""
