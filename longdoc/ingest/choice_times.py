"""Times of a recording as they are typed, to spans of its text: `10:00-45:00`, `-1:30`, `1:00:00-`. Cuts nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from longdoc.core.errors import NotThere, UsageError
from longdoc.core.types import Document
from longdoc.ingest.choice import Span, items_of
from longdoc.ingest.offered import begin_of, clock, end_of, has_none, timed, times_option

_TIME = re.compile(r"(?:(?:(\d+):)?(\d{1,2}):)?(\d+(?:\.\d+)?)")


def chosen_times(document: Document, typed: str) -> tuple[list[Span], str]:
    """Spans of what is said in these times, and the words for it. Raises NotThere when there are no such times."""
    spoken = timed(document)
    if not spoken:
        raise has_none(document, "times", "it is no transcript of a recording")
    end_s = end_of(spoken)
    ranges = [_times(item, end_s, document) for item in items_of(typed, "--times")]
    spans = _said(document, ranges)
    if not spans:
        raise NotThere(
            f"Nothing is said in {document.source.name} at {typed}.",
            why=f"it goes from {clock(begin_of(spoken))} to {clock(end_s)}",
            fix=times_option(document, ranges[0][0]),
        )
    shown = ", ".join(f"{clock(a)}-{clock(min(b, end_s))}" for a, b in ranges)
    return spans, f"times {shown} of {clock(end_s)}"


def _said(document: Document, ranges: Sequence[tuple[float, float]]) -> list[Span]:
    """Spans of what is said in ranges of seconds."""
    edges = [*(anchor.offset for anchor in document.anchors), len(document.text)]
    spans = []
    for anchor, span in zip(document.anchors, pairwise(edges), strict=True):
        if anchor.start_s is None:
            continue
        stop_s = anchor.end_s if anchor.end_s is not None else anchor.start_s
        if any(anchor.start_s < b and (stop_s > a or anchor.start_s >= a) for a, b in ranges):
            spans.append(span)
    return spans


def _times(item: str, end_s: float, document: Document) -> tuple[float, float]:
    """Seconds of `00:10:00-00:45:00`, `10:00-`, `-45:00`."""
    left, dash, right = (piece.strip() for piece in re.sub("[–—]", "-", item).partition("-"))
    first = _seconds(left) if left else 0.0
    last = _seconds(right) if right else max(end_s, first or 0.0) + 1.0
    if not dash or first is None or last is None or not (left or right):
        raise UsageError(
            f"{item} is no range of times.",
            why="it has a time, and no end" if first is not None and left and not dash else "it has no such form",
            fix=times_option(document, first or 0.0),
        )
    if last <= first:
        is_said = last < first and bool(_said(document, [(last, first)]))
        fix = f"--times {clock(last)}-{clock(first)}" if is_said else times_option(document, last)
        raise UsageError(f"The times {item} end before they begin.", fix=fix)
    return first, last


def _seconds(typed: str) -> float | None:
    match = _TIME.fullmatch(typed)
    if match is None:
        return None
    return int(match[1] or 0) * 3600 + int(match[2] or 0) * 60 + float(match[3])
