"""How often a user may bring work from elsewhere."""

from __future__ import annotations

from models.accounts.action_limits import limited

FIGMA_UPLOADS = limited("figma_upload", 5, minutes=1)
GITHUB_IMPORTS = limited("github_import", 10, minutes=1)
GITHUB_LISTS = limited("github_repositories", 30, minutes=1)
