"""The second search, by a model whose words are written here: its query is used, changes the answer, and is judged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from made_books import FACTS

from longdoc.core.events import Token
from longdoc.core.settings import AskOptions, SourceOptions
from longdoc.core.types import Answer, Citation, Evidence
from longdoc.engine.reader import Reader
from longdoc.pipeline.ask import ask
from longdoc.pipeline.second_search import merged
from longdoc.pipeline.session import Session
from longdoc.search import reading

OTHER_WORDS = "Which engineer erected a beacon tower upon Hebridean cliffs?"  # none of them is in the book
OWN_WORDS = "Who built the lighthouse of Corran?"
QUERY = "lighthouse Corran built Ferrier"
DECLINED = "NOT IN THE DOCUMENT"


class Script:
    """What the model writes, one text after the other; and what it had read each time."""

    def __init__(self, session: Session, *texts: str) -> None:
        self.session = session
        self.texts = [*texts]
        self.requests: list[str] = []
        self._last = ""

    def write(self, _reader: Reader, _state: Any, **_: Any) -> Iterator[int]:
        self.requests.append(self._last)
        yield from (token for token, _, _ in self.session.encode(self.texts.pop(0)))

    def read(self, reader: Reader, state: Any, ids: list[int]) -> Any:
        self._last = self.session.loaded.tokenizer.decode(ids)
        return _READ(reader, state, ids)


_READ = Reader.read


def run(
    book: Path, session: Session, monkeypatch: pytest.MonkeyPatch, question: str, *texts: str, **changes: Any
) -> tuple[Answer, Script]:
    script = Script(session, *texts)
    monkeypatch.setattr(Reader, "write", lambda reader, state, **rest: script.write(reader, state, **rest))
    monkeypatch.setattr(Reader, "read", lambda reader, state, ids: script.read(reader, state, ids))
    (answer,) = ask(
        str(book),
        [question],
        source_options=SourceOptions(),
        model_options=session.options,
        options=AskOptions(),
        session=session,
        **changes,
    )
    return answer, script


def test_the_models_own_words_find_what_the_questions_words_do_not(
    book: Path, writing: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, script = run(book, writing, monkeypatch, OTHER_WORDS, QUERY, FACTS[0])
    assert (answer.status, answer.text) == ("answered", FACTS[0])
    assert [" ".join(citation.quote.split()) for citation in answer.citations] == [FACTS[0]]
    assert answer.receipt.settings["second_query"] == QUERY
    assert "search" in answer.provenance
    assert {"chat/query", "chat/answer"} <= set(answer.receipt.prompts)
    asked, answered = script.requests
    assert "other words to search for" in asked
    assert FACTS[0] not in asked
    assert FACTS[0] in answered
    assert OTHER_WORDS in answered
    assert not script.texts


def test_without_other_words_the_same_question_is_not_in_the_document(
    book: Path, writing: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    for query in ("", "\n", OTHER_WORDS, "engineer beacon", "zyzzyva quokka"):
        answer, script = run(book, writing, monkeypatch, OTHER_WORDS, query)
        assert (answer.status, answer.text, answer.citations, answer.provenance) == ("not_found", "", (), ())
        assert len(script.requests) == 1  # nothing new was found, so nothing was judged again


def test_what_the_second_search_finds_is_judged_too(
    book: Path, writing: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    for said in (DECLINED, f"{DECLINED}.", "", "Zebras quarrel beneath purple umbrellas."):
        answer, script = run(book, writing, monkeypatch, OTHER_WORDS, QUERY, said)
        assert (answer.status, answer.text, answer.citations) == ("not_found", "", ())
        assert answer.receipt.settings["second_query"] == QUERY
        assert any(FACTS[0] in " ".join(e.citation.quote.split()) for e in answer.evidence)
        assert not script.texts


def test_a_first_answer_that_stands_needs_no_second_search(
    book: Path, writing: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, script = run(book, writing, monkeypatch, OWN_WORDS, FACTS[0])
    assert (answer.status, answer.text) == ("answered", FACTS[0])
    assert answer.receipt.settings["second_query"] is None
    assert "chat/query" not in answer.receipt.prompts
    assert len(script.requests) == 1


def test_the_model_that_judges_the_first_passages_too_poor_is_asked_for_words(
    book: Path, writing: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "reader_for", lambda *_: None)  # it puts all that is no made prose before the rest
    query = "schooner Halcyon masts Skerry storm\nand a second line that is not searched for"
    answer, script = run(book, writing, monkeypatch, OWN_WORDS, DECLINED, query, FACTS[1])
    assert (answer.status, answer.text) == ("answered", FACTS[1])
    assert answer.receipt.settings["second_query"] == query.split("\n")[0]
    assert FACTS[1] not in script.requests[0]
    assert FACTS[1] in script.requests[2]


def test_what_the_model_writes_is_told_as_it_comes(
    book: Path, writing: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[Any] = []
    run(book, writing, monkeypatch, OTHER_WORDS, QUERY, FACTS[0], on_event=events.append)
    told = "".join(event.text for event in events if isinstance(event, Token))
    assert told == QUERY + FACTS[0]
    assert sum(isinstance(event, Token) for event in events) > 8


def test_passages_of_both_searches_take_turns_and_those_of_both_come_first() -> None:
    def passage(start: int, score: float) -> Evidence:
        return Evidence(Citation("x", start, start + 1, "book.md"), score)

    first, second = [passage(1, 0.6), passage(2, 0.3), passage(3, 0.1)], [passage(4, 0.9), passage(3, 0.5)]
    both = merged(first, second, 4)
    assert [(e.citation.start, e.score) for e in both] == [(3, 0.5), (1, 0.6), (4, 0.9), (2, 0.3)]
    assert merged(first, [], 2) == first[:2]
