"""A document to parts that notes are taken on, and parts to segments of at most N tokens, spans exact.

Knows nothing of formats and of models: a tokenizer comes as a function `encode(text)` that gives
`(token_id, start, end)` for each token, in order, without special tokens.

Tokens are taken from blocks of about 64 thousand characters, so that memory stays flat for a text of any
length, and segments are cut between tokens: the ids of the segments, one after the other, are the ids of the
blocks. Blocks do not depend on the parts, so a text has the same tokens for a summary as for questions, and
`count_tokens` gives their number.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from longdoc.core.sentences import tile
from longdoc.core.types import Document, Section, Segment
from longdoc.segment.parts import file_tiles
from longdoc.segment.parts import parts as default_parts

Encode = Callable[[str], Iterable[tuple[int, int, int]]]
Span = tuple[int, int]

_BLOCK_CHARACTERS = 65_536
_PARAGRAPH_END = re.compile(r"\n[^\S\n]*\n\s*")
_WHITE = re.compile(r"\s+")
# How full a segment must be before a boundary of this kind may end it.
_PARAGRAPH_FILL = 0.6
_SENTENCE_FILL = 0.3


def segment(
    document: Document, encode: Encode, max_tokens: int, *, parts: tuple[Section, ...] | None = None
) -> Iterator[Segment]:
    """Segments of at most `max_tokens` tokens that give the text back, lazily.

    parts: what `longdoc.segment.parts` gave; `Segment.part` is an index into it, and no segment spans two.
    A segment ends at the end of its part, else of a paragraph, else of a sentence, else of a word; a word is
    cut only when it alone has more than `max_tokens` tokens.
    """
    assert max_tokens > 0
    number = 0
    buffer = _Buffer(document.text, _all_blocks(document, file_tiles(document)), encode)
    for part_index, part in enumerate(default_parts(document) if parts is None else parts):
        pending: Segment | None = None
        for start, end, token_ids in _cuts(document.text, part, buffer, max_tokens):
            if pending is not None:
                yield pending
            section = document.section_index_at(start)
            pending = Segment(number, start, end, token_ids, section=section, part=part_index)
            number += 1
        if pending is not None:
            yield replace(pending, closes_part=True)


def count_tokens(document: Document, encode: Encode, *, tiles: tuple[Section, ...] | None = None) -> int:
    """How many tokens `segment` will give, whatever the parts, without keeping any. tiles: as for `token_starts`."""
    return sum(1 for _ in token_starts(document, encode, tiles=tiles))


def token_starts(document: Document, encode: Encode, *, tiles: tuple[Section, ...] | None = None) -> Iterator[int]:
    """The offset of each token that `segment` will give, in order, as the tokenizer says.

    tiles: some of what `file_tiles` gave, for the tokens of some of the files.
    """
    for start, end in _all_blocks(document, file_tiles(document) if tiles is None else tiles):
        for _, offset, _ in encode(document.text[start:end]):
            yield start + offset


def _all_blocks(document: Document, tiles: tuple[Section, ...]) -> Iterator[Span]:
    """What is encoded at once: each file by itself, so that its tokens do not depend on the others."""
    for whole in tiles:
        yield from _blocks(document.text, whole.start, whole.end)


def _blocks(text: str, start: int, end: int) -> Iterator[Span]:
    """Spans of about `_BLOCK_CHARACTERS` that end at a paragraph, else before white space, else anywhere."""
    while end - start > _BLOCK_CHARACTERS:
        limit = start + _BLOCK_CHARACTERS
        least = start + _BLOCK_CHARACTERS // 2
        cut = text.rfind("\n\n", least, limit)
        if cut >= 0:
            cut += 2
            while cut < end and text[cut].isspace():
                cut += 1
        else:
            spaces = [match.start() for match in _WHITE.finditer(text, least, limit)]
            cut = spaces[-1] if spaces else limit
        yield start, cut
        start = cut
    if start < end:
        yield start, end


@dataclass(slots=True)
class _Buffer:
    """Tokens that wait for a segment: parallel arrays of ids, first and last offsets in the document.

    text, blocks: what is encoded, block after block.   encoded_to: how far that is done.
    """

    text: str
    blocks: Iterator[Span]
    encode: Encode
    encoded_to: int = 0
    ids: array[int] = field(default_factory=lambda: array("q"))
    starts: array[int] = field(default_factory=lambda: array("q"))
    ends: array[int] = field(default_factory=lambda: array("q"))

    def fill(self, end: int, max_tokens: int) -> int:
        """Encode until more than `max_tokens` wait, or all before `end`. -> how many tokens of the text before `end`.

        A token that reaches over `end` belongs to what is before it, unless only its space lies there.
        """
        while (count := bisect_left(self.starts, end)) <= max_tokens and self.encoded_to < end:
            block = next(self.blocks, None)
            if block is None:
                break
            self._add(self.encode(self.text[slice(*block)]), block[0])
            self.encoded_to = block[1]
        while count and self.ends[count - 1] > end and self.text[self.starts[count - 1] : end].isspace():
            count -= 1
        return count

    def _add(self, tokens: Iterable[tuple[int, int, int]], offset: int) -> None:
        # Offsets never run backwards: a tokenizer may give (0, 0) for what it makes up itself.
        floor = offset
        for token_id, start, end in tokens:
            first = max(offset + start, floor)
            floor = max(floor, first)
            self.ids.append(token_id)
            self.starts.append(first)
            self.ends.append(max(offset + end, first))

    def take(self, count: int) -> tuple[int, ...]:
        taken = tuple(self.ids[:count])
        del self.ids[:count], self.starts[:count], self.ends[:count]
        return taken

    def cut_at(self, place: int) -> int | None:
        """How many tokens lie before `place`, or None when one of them reaches over it."""
        count = bisect_left(self.starts, place)
        return None if count and self.ends[count - 1] > place else count


def _cuts(text: str, part: Section, buffer: _Buffer, max_tokens: int) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """(start, end, token ids) of each segment of one part."""
    position = part.start
    while (left := buffer.fill(part.end, max_tokens)) > max_tokens:
        place, count = _best_cut(text, position, buffer, max_tokens)
        yield position, place, buffer.take(count)
        position = place
    if position < part.end:
        yield position, part.end, buffer.take(left)


def _best_cut(text: str, position: int, buffer: _Buffer, max_tokens: int) -> tuple[int, int]:
    """The last good boundary that leaves at most `max_tokens` tokens, and how many it leaves."""
    limit = buffer.starts[max_tokens]  # the first token that does not fit begins here
    span = limit - position
    window = text[position:limit]

    ends = [position + match.end() for match in _PARAGRAPH_END.finditer(window)]
    cut = _last_valid(ends, position + int(_PARAGRAPH_FILL * span), limit, buffer, max_tokens)
    if cut is None:
        # One more sentence than fits shows whether the last one ends exactly at the limit.
        sentences = tile(text[position : limit + 400])
        ends = []
        for _, end in sentences:
            stripped = position + len(text[position : position + end].rstrip())
            ends.extend((stripped, position + end))
        cut = _last_valid(sorted(ends), position + int(_SENTENCE_FILL * span), limit, buffer, max_tokens)
    if cut is None:
        spaces = [place for m in _WHITE.finditer(text, position, limit + 1) for place in (m.start(), m.end())]
        cut = _last_valid(spaces, position, limit, buffer, max_tokens)
    if cut is None:  # a word of more than max_tokens tokens
        cut = _forced(position, buffer, max_tokens)
    return cut


def _last_valid(places: list[int], above: int, limit: int, buffer: _Buffer, max_tokens: int) -> tuple[int, int] | None:
    for place in reversed(places[: bisect_right(places, limit)]):
        if place <= above:
            return None
        count = buffer.cut_at(place)
        if count is not None and 0 < count <= max_tokens:
            return place, count
    return None


def _forced(position: int, buffer: _Buffer, max_tokens: int) -> tuple[int, int]:
    """Cut between two tokens that do not share a character; a character's own tokens stay together."""
    for count in range(max_tokens, 0, -1):
        place = buffer.starts[count]
        if place > position and buffer.ends[count - 1] <= place:
            return place, count
    count = max_tokens  # one character of more than max_tokens tokens: it stays whole
    while count < len(buffer.ids) and buffer.starts[count] < buffer.ends[count - 1]:
        count += 1
    return buffer.ends[count - 1], count
