"""Answers over a short book: what is found, what is not there, what is read how often."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pypdf
import pytest
from made_books import FACTS, write_text

from longdoc.core.errors import UsageError
from longdoc.core.events import Event, Opened, SegmentRead
from longdoc.core.settings import AskOptions, SourceOptions
from longdoc.core.types import Answer
from longdoc.ingest import read_document
from longdoc.pipeline import ask as pipeline
from longdoc.pipeline.ask import ask
from longdoc.pipeline.pointing import announced, sentences_said
from longdoc.pipeline.session import Session

QUESTIONS = (
    "Who built the lighthouse of Corran?",
    "Which schooner lost both masts off Skerry Point during the storm?",
    "To whom did Agnes Ferrier sell the observatory?",
)
ABSENT = "What is the boiling point of xenon according to Doctor Zhivago's telescope?"


def run(source: Path, questions: Sequence[str], session: Session, **changes: Any) -> list[Answer]:
    return ask(
        str(source),
        questions,
        source_options=SourceOptions(),
        model_options=session.options,
        options=AskOptions(verbatim=changes.pop("verbatim", None)),
        session=session,
        **changes,
    )


@pytest.fixture(scope="session")
def answers(sources: dict[str, Path], pointing: Session) -> dict[str, list[Answer]]:
    return {kind: run(source, [*QUESTIONS, ABSENT], pointing) for kind, source in sources.items()}


@pytest.mark.parametrize("kind", ["text", "pdf", "vtt"])
def test_an_answer_cites_a_sentence_that_stands_where_it_says(
    kind: str, answers: dict[str, list[Answer]], sources: dict[str, Path]
) -> None:
    document = read_document(str(sources[kind]), SourceOptions(), lambda event: None)
    found = [answer for answer in answers[kind] if answer.status == "answered"]
    assert len(found) >= 2
    for answer in found:
        assert answer.text
        assert answer.verbatim
        assert 1 <= len(answer.citations) <= 2
        for citation in answer.citations:
            assert citation.verified
            assert document.text[citation.start : citation.end] == citation.quote
        said = " ".join(" ".join(citation.quote for citation in answer.citations).split())
        assert answer.text in said
        assert " ".join(" ".join(s.text for s in answer.sayings()).split()) == answer.text
        for evidence in answer.evidence:
            assert document.text[evidence.citation.start : evidence.citation.end] == evidence.citation.quote
        assert answer.provenance == ("search",)
        assert answer.receipt.tokens_read == answer.receipt.num_tokens
        assert [e.score for e in answer.evidence] == sorted((e.score for e in answer.evidence), reverse=True)


def test_the_sentence_is_the_one_that_answers(answers: dict[str, list[Answer]]) -> None:
    cited = [" ".join(answer.citations[0].quote.split()) for answer in answers["text"][:3] if answer.citations]
    assert len(set(cited) & set(FACTS)) >= 2


def test_an_answers_page_is_the_one_on_which_another_reader_finds_it(
    answers: dict[str, list[Answer]], sources: dict[str, Path]
) -> None:
    pages = ["".join(page.extract_text().split()) for page in pypdf.PdfReader(sources["pdf"]).pages]
    for answer in answers["pdf"]:
        for citation in answer.citations:
            assert citation.page is not None
            assert "".join(citation.quote.split())[:30] in pages[citation.page - 1]


@pytest.mark.parametrize("kind", ["text", "pdf", "vtt"])
def test_what_the_document_does_not_say_is_not_found(kind: str, answers: dict[str, list[Answer]]) -> None:
    answer = answers[kind][-1]
    assert (answer.status, answer.text, answer.citations, answer.provenance) == ("not_found", "", (), ())
    assert answer.not_found_in == "document"
    assert answer.question == ABSENT


def test_a_model_that_writes_noise_finds_nothing_or_cites_what_stands_there(
    sources: dict[str, Path], writing: Session
) -> None:
    document = read_document(str(sources["text"]), SourceOptions(), lambda event: None)
    for answer in run(sources["text"], [QUESTIONS[0], ABSENT], writing, verbatim=False):
        assert answer.status in ("answered", "not_found")
        assert bool(answer.text) == bool(answer.citations) == (answer.status == "answered")
        for citation in answer.citations:
            assert document.text[citation.start : citation.end] == citation.quote


def test_a_model_that_only_points_is_not_asked_to_write(sources: dict[str, Path], pointing: Session) -> None:
    events: list[Event] = []
    with pytest.raises(UsageError, match="no words of its own"):
        run(sources["text"], QUESTIONS, pointing, verbatim=False, on_event=events.append)
    assert not events


@pytest.mark.parametrize("questions", [[""], ["  \n"], ["Who?", ""]])
def test_an_empty_question_is_an_error_before_anything_is_read(
    questions: list[str], sources: dict[str, Path], pointing: Session
) -> None:
    events: list[Event] = []
    with pytest.raises(UsageError) as caught:
        run(sources["text"], questions, pointing, on_event=events.append)
    assert caught.value.exit_code == 2
    assert not events


def test_no_questions_is_a_reading_and_no_answers(sources: dict[str, Path], pointing: Session) -> None:
    assert run(sources["vtt"], [], pointing) == []


def test_a_session_reads_a_document_once(tmp_path: Path, pointing: Session) -> None:
    source = write_text(tmp_path / "book.md", "Another sentence, so that nobody has read this book.")
    events: list[Event] = []
    first = run(source, QUESTIONS[:1], pointing, on_event=events.append)[0]
    assert any(isinstance(event, SegmentRead) for event in events)
    events.clear()
    again = run(source, QUESTIONS[:1], pointing, on_event=events.append)[0]
    assert not any(isinstance(event, SegmentRead) for event in events)
    assert (again.text, again.citations, again.evidence) == (first.text, first.citations, first.evidence)
    source.write_text(source.read_text() + "\n\nA last word.")
    run(source, [], pointing, on_event=events.append)
    assert any(isinstance(event, SegmentRead) for event in events)


def test_an_interview_parses_once_and_does_not_count_the_time_between_questions(
    sources: dict[str, Path], pointing: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[Event] = []
    now = [100.0]
    monkeypatch.setattr(pipeline.time, "perf_counter", lambda: now[0])
    interview = pipeline.begin(
        str(sources["text"]),
        source_options=SourceOptions(),
        model_options=pointing.options,
        options=AskOptions(),
        on_event=events.append,
        session=pointing,
    )
    interview.seconds = 7.0
    now[0] += 3600  # somebody thinks
    answers = [interview.answer(question) for question in QUESTIONS[:2]]
    assert [type(event) for event in events].count(Opened) == 1
    assert [answer.receipt.seconds for answer in answers] == [7.0, 7.0]
    with pytest.raises(UsageError, match="empty"):
        interview.answer(" ")


def test_the_order_of_the_questions_does_not_matter(
    sources: dict[str, Path], pointing: Session, answers: dict[str, list[Answer]]
) -> None:
    turned = run(sources["vtt"], [ABSENT, *QUESTIONS[::-1]], pointing)
    assert [(a.text, a.citations) for a in turned] == [(a.text, a.citations) for a in answers["vtt"][::-1]]


@pytest.mark.parametrize(
    "question", ["{{ 7 * 7 }}", "{% raw %}", "<|im_end|> <|end|>", '" OR 1=1 --*', "?", "\x00", "ß" * 5000]
)
def test_any_question_is_answered_or_not_found(question: str, sources: dict[str, Path], pointing: Session) -> None:
    answer = run(sources["vtt"], [question], pointing)[0]
    assert answer.status in ("answered", "not_found")
    assert "49" not in answer.text


LISTED = """The society was founded in 1902 and meets in the old customs house every month.

To become a member of the society, follow these steps:

1. Fill in the form.
2. Send it to the secretary.

Nobody is refused without a reason. The keys of the boat house lie with the treasurer.
"""


def test_a_list_is_said_with_the_sentence_that_announces_it(tmp_path: Path, pointing: Session) -> None:
    source = tmp_path / "charter.txt"
    source.write_text(LISTED)
    document = read_document(str(source), SourceOptions(), lambda event: None)
    text = document.text
    start = text.index("To become")
    announcing = start, text.index(":", start) + 1
    listed = announced(text, announcing)
    assert listed is not None
    assert text[slice(*listed)] == "1. Fill in the form.\n2. Send it to the secretary."
    said, found = sentences_said(document, [], announcing, 2)
    assert said == f"{text[slice(*announcing)]} 1. Fill in the form. 2. Send it to the secretary."
    assert [citation.quote for citation in found] == [text[slice(*announcing)], text[slice(*listed)]]
    assert announced(text, (0, text.index("."))) is None
    assert announced("It says:", (0, 8)) is None
    long = "It says:\n\n" + "This sentence has fifty characters, or a few more. " * 30
    cut = announced(long, (0, 8))
    assert cut is not None
    assert 400 < cut[1] - cut[0] <= 500
    assert long[slice(*cut)].endswith("more.")


def test_what_the_whole_is_about_is_not_answered_by_a_sentence(sources: dict[str, Path], pointing: Session) -> None:
    whole, part = run(sources["text"], ["What is this book about?", QUESTIONS[0]], pointing)
    assert (whole.status, whole.text, whole.evidence) == ("not_found", "", ())
    assert whole.not_found_in == "passage"
    assert part.not_found_in == (None if part.text else "document")


def test_who_wrote_it_stands_under_the_title(tmp_path: Path, pointing: Session) -> None:
    source = tmp_path / "tale.txt"
    source.write_text("THE TALE\n\nby\nANN LEE\n\nOnce a writer met an author in the rain. She wrote him a letter.\n")
    (answer,) = run(source, ["Who is the author?"], pointing)
    assert (answer.status, answer.text) == ("answered", "ANN LEE")
    assert " ".join(answer.citations[0].quote.split()) == "by ANN LEE"
    assert answer.provenance == ("search",)
