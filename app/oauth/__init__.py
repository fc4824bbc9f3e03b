"""Signing in through a provider: OAuth 2.1 with PKCE, and OpenID Connect on top of it."""
