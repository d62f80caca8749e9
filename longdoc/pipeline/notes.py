"""Notes on the parts of a document while it is read, and a summary out of them: what the two ways have in common."""

from __future__ import annotations

from typing import Any

from longdoc.core.events import Listener, ignore
from longdoc.core.settings import SummaryOptions
from longdoc.core.types import Focus, Statement, SummaryPart
from longdoc.engine.reader import ReadingState
from longdoc.pipeline.framing import Framing
from longdoc.pipeline.reading import Reading
from longdoc.search.focus import Topic
from longdoc.search.words import num_words

PART_WORDS = 60  # budget of the notes on one part
_ALL_PARTS_WORDS = 48 * PART_WORDS  # of all of them: where there are more parts, each is told in less
_LEAST_PART_WORDS = 30  # about a sentence
_WORDS, _MOST_WORDS = 250, 2000  # of the whole, unless the user says: for a text of up to so many words, and for any
_SHORT_WORDS = 15_000


class Notes:
    """Notes on the parts of one reading. said: JSON, what the model said of each part so far.   words: of the whole.

    on_event: is told what a model writes while it comes.
    """

    def __init__(self, reading: Reading, options: SummaryOptions, on_event: Listener = ignore) -> None:
        self.reading = reading
        self.options = options
        self.on_event = on_event
        self.words = options.words or words_of_whole(num_words(reading.document.text))
        self.said: list[Any] = []
        self.topic = self._topic(options.focus) if options.focus is not None else None

    def _topic(self, asked: str) -> Topic:
        encoder = self.reading.session.rankers["ranker"].encoder
        return Topic(asked, self.reading.terms, encoder, self.reading.document.sections)

    @property
    def focus(self) -> Focus | None:
        """What was asked for, and how much of the document touches it."""
        if self.topic is None or self.options.focus is None:
            return None
        return Focus(one_line(self.options.focus), self.topic.num_sentences, self.topic.missing)

    def take(self, part: int, state: ReadingState) -> None:
        """Called at the end of each part with the state that has just read it."""
        self.add(part, self.ask(part, state))

    def ask(self, part: int, state: ReadingState) -> Any:
        """What the model says of a part, as JSON."""
        raise NotImplementedError

    def add(self, part: int, said: Any) -> None:
        """Make notes of what the model said."""
        raise NotImplementedError

    def finish(self, on_event: Listener) -> tuple[list[Statement], list[SummaryPart]]:
        """The whole, and the parts."""
        raise NotImplementedError

    def so_far(self) -> tuple[list[Statement], list[SummaryPart]]:
        """The same of what was read and noted when the reading was stopped; the model is asked no more."""
        raise NotImplementedError


def words_of_whole(length: int) -> int:
    """The budget of the whole for a document of so many words: it grows with their square root, in tens.

    250 up to 15,000 words (a long article), 500 for 60,000 (a novel), 1,000 for 240,000, never more than 2,000.
    """
    grown = round(_WORDS * (length / _SHORT_WORDS) ** 0.5, -1)
    return int(min(_MOST_WORDS, max(_WORDS, grown)))


def words_of_part(num_parts: int) -> int:
    """The budget of the notes on one of so many parts, when they are sentences of the document."""
    return max(_LEAST_PART_WORDS, min(PART_WORDS, _ALL_PARTS_WORDS // max(1, num_parts)))


def values(framing: Framing, title: str, options: SummaryOptions | None = None) -> dict[str, str]:
    """The variables of the notes prompt; the embedded model's has none. options: for the focus and the language."""
    if framing.prompt_set == "embedded":
        return {}
    focus, language = (options.focus, options.language) if options is not None else (None, None)
    return {"title": title, "words": str(PART_WORDS), "focus": one_line(focus), "language": one_line(language)}


def one_line(asked: str | None) -> str:
    """What the user asked for, for a prompt: "" for nothing."""
    return " ".join((asked or "").split())
