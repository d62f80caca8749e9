"""Which section holds a character: the table of edges against looking at every section."""

from __future__ import annotations

import random
import time

from longdoc.core.types import Document, Section, Source
from longdoc.segment import segment

SOURCE = Source(name="a.txt", sha256="0" * 64, format="text", num_bytes=1)


def looked_up(sections: tuple[Section, ...], offset: int) -> Section | None:
    holding = [s for s in sections if s.start <= offset < s.end]
    return max(holding, key=lambda s: (s.level, s.start), default=None)


def test_the_innermost_section_is_found_whatever_overlaps_or_is_empty() -> None:
    rng = random.Random(0)
    for _ in range(200):
        sections = []
        for number in range(rng.randint(0, 12)):
            start = rng.randint(0, 40)
            sections.append(Section(str(number), start, start + rng.randint(0, 15), rng.randint(1, 3)))
        document = Document("x" * 60, SOURCE, sections=tuple(sorted(sections, key=lambda s: (s.start, s.level))))
        for offset in range(60):
            assert document.section_at(offset) == looked_up(document.sections, offset)


def test_thousands_of_sections_cost_no_more_than_a_few() -> None:
    text = "a b c d e f\n\n" * 20_000
    sections = tuple(Section(f"§ {i}", 13 * i, 13 * (i + 1), 2) for i in range(20_000))
    document = Document(text, SOURCE, sections=(Section("All", 0, len(text), 1), *sections))
    began = time.perf_counter()
    assert all(document.section_index_at(13 * i + 5) == i + 1 for i in range(20_000))
    assert time.perf_counter() - began < 2.0  # one after the other it was minutes


def test_a_segment_names_the_section_that_it_starts_in() -> None:
    document = Document("one two three four", SOURCE, sections=(Section("A", 0, 8), Section("B", 8, 18)))

    def encode(piece: str) -> list[tuple[int, int, int]]:
        return [(ord(c), i, i + 1) for i, c in enumerate(piece)]

    pieces = segment(document, encode, 4, parts=(Section("All", 0, 18),))
    assert {(p.start < 8, p.section) for p in pieces} == {(True, 0), (False, 1)}
