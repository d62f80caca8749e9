"""Which words of a question stand in the text that answers it: "happen" and "feel" hardly ever, names nearly always.

A word that the answer's place rarely has says little about where that place is, however rare it is in the document
(term necessity, Zhao and Callan 2010, from counts instead of a regression). `search.candidates.parse` weighs by it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from longdoc.search.joined import Row, is_held_out
from longdoc.search.words import content_words, stem, words

USUAL = 0.77  # share of all words of questions that stand in the paragraph which they were written for
_DOUBT = 8  # of so many questions the usual share is supposed
_LEAST_QUESTIONS, _LEAST_DOCUMENTS = 8, 6  # a word of one tale says nothing about questions
_MOST_CHARACTERS = 6000  # of a paragraph: a whole paper has every word


def train_question_stems(rows: Iterable[Row], out: Path) -> int:
    """Write "stem share" lines from the questions on documents that are not held out; -> how many there are."""
    asked, found = Counter[str](), Counter[str]()
    documents: dict[str, set[str]] = {}
    stems_of: dict[str, set[str]] = {}
    seen: set[str] = set()
    for row in rows:
        context, question = row["context"], row["question"]
        if is_held_out(row["doc_id"]) or not row["answerable"] or len(context) > _MOST_CHARACTERS or question in seen:
            continue
        seen.add(question)
        if context not in stems_of:
            stems_of[context] = {stem(word) for word in words(context)}
        for one in {stem(word) for word in content_words(question)}:
            asked[one] += 1
            found[one] += one in stems_of[context]
            documents.setdefault(one, set()).add(row["doc_id"])
    kept = sorted(s for s, n in asked.items() if n >= _LEAST_QUESTIONS and len(documents[s]) >= _LEAST_DOCUMENTS)
    lines = [f"{s} {(found[s] + _DOUBT * USUAL) / (asked[s] + _DOUBT):.2f}" for s in kept]
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(lines)
