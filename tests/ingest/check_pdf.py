"""What a reader gave back of a made PDF: which of the known sentences, where, and what it should have left out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from made_pdf import Known, Made

from longdoc.core.types import Document


@dataclass
class Score:
    """Counts of known sentences, and those that failed with the reason."""

    num_known: Counter[str] = field(default_factory=Counter)
    failed: list[tuple[str, Known]] = field(default_factory=list)

    @property
    def share(self) -> float:
        return 1 - len(self.failed) / max(sum(self.num_known.values()), 1)


def check(made: Made, document: Document) -> Score:
    """Every known sentence verbatim, in order, on the right page and label, from its first word to its last."""
    score = Score()
    text = document.text.replace("\n", " ")
    last = 0
    for known in made.known:
        score.num_known[known.kind] += 1
        flows = known.kind in ("text", "title")
        start = text.find(known.text, last if flows else 0)
        if start < 0:
            reason = "out of order" if known.text in text else "missing"
            score.failed.append((reason, known))
            continue
        if flows:
            last = start
        end = start + len(known.text) - 1
        first, final = document.anchor_at(start), document.anchor_at(end)
        assert first is not None
        assert final is not None
        if (first.page, final.page) != (known.page + 1, known.end_page + 1):
            score.failed.append((f"on page {first.page}-{final.page}", known))
        elif first.label != made.labels[known.page]:
            score.failed.append((f"label {first.label}, not {made.labels[known.page]}", known))
    return score
