"""Users, how they sign in, and later their organisations and keys."""
