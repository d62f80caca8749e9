"""What a training kept back, for measuring: texts and questions of the documents that no run has seen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from longdoc.train.config import DataConfig
from longdoc.train.corpus import documents, is_held_out, rows


def held_out_texts(root: Path, config: DataConfig, characters: int = 100_000) -> Iterator[str]:
    """The beginning of every held-out document of every text source. characters: at most, of each."""
    for source in config.text:
        for document_id, text in documents(root, source.glob):
            if is_held_out(document_id, config):
                yield text[:characters]


def held_out_questions(path: Path, config: DataConfig) -> Iterator[dict[str, Any]]:
    """The rows of a file of questions, `.jsonl` or `.jsonl.xz`, whose document was held out."""
    return (row for row in rows(path.parent, path.name) if is_held_out(row["doc_id"], config))
