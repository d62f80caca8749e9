"""What stands beside a quote in its document."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Around:
    """What stands right before and right behind the quote `text[start:end]`, "" where there is nothing near."""

    start: int
    end: int
    before: str
    after: str
