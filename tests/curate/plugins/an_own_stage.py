"""A stage as somebody else writes one."""

from curate import Context, Document, DocumentFilter, Drop


class Long(DocumentFilter):
    """Drop long documents."""

    most: int = 2000
    """Characters."""

    def judge_document(self, document: Document, context: Context) -> Drop | None:
        """Drop what has more."""
        size = len(document["text"])
        return Drop("long", score=size, cut=self.most) if size > self.most else None
