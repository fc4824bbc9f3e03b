"""The types of files that may be uploaded."""

from __future__ import annotations

IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""What browsers show without running any of it."""

TEXTS = frozenset({"text/plain", "text/markdown", "text/csv", "application/json"})
PDF = "application/pdf"
XLS = "application/vnd.ms-excel"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

FIG = "application/x-figma"
"""A file that Figma saves; there is no registered type."""

ALLOWED = IMAGES | TEXTS | {PDF, XLS, XLSX, FIG}

MOST_BYTES = 10 << 20
MOST_BYTES_OF = {FIG: 50 << 20}
"""How large files may be, and those of some types."""

AVATAR_TYPE = "image/webp"
"""What every avatar is made into."""
