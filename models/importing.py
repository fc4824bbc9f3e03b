"""Import marks: what imports brought, also of rows that were deleted since."""

from __future__ import annotations

from datetime import datetime

from tortoise import Model

from models import fields
from models.indexes import Index


class ImportMark(Model):
    """What the last import of one source document was, no Record and no Change."""

    row_id: str = fields.KeyColumn(primary_key=True, description="Id of the row it became.")  # type: ignore[assignment]
    digest: str = fields.key("Hash of the document as it was.")
    row_updated_at: datetime = fields.moment("When the row last changed, as that import wrote it.")
    source: str = fields.key("The table of the source that it came from.")

    indexes: tuple[Index, ...] = ()

    class Meta:
        table = "import_mark"
