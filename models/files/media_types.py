"""The types of files that may be uploaded."""

from __future__ import annotations

IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""What browsers show without running any of it."""

TEXTS = frozenset({"text/plain", "text/markdown", "text/csv", "application/json"})
PDF = "application/pdf"
XLS = "application/vnd.ms-excel"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

ALLOWED = IMAGES | TEXTS | {PDF, XLS, XLSX}

AVATAR_TYPE = "image/webp"
"""What every avatar is made into."""
