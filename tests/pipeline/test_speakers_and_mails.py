"""Who says what stands beside it, whatever the sentence begins with; what hangs below a mail is no answer."""

from __future__ import annotations

from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest

from longdoc.core.settings import AskOptions, SourceOptions, SummaryOptions
from longdoc.core.types import Answer, Document, Source, Summary
from longdoc.ingest import read_document
from longdoc.output.html import report_html
from longdoc.output.html_views import Reported
from longdoc.output.json import answer_json, summary_json
from longdoc.output.markdown import answers_markdown, summary_markdown
from longdoc.output.text import answers_text, summary_text
from longdoc.pipeline.ask import ask
from longdoc.pipeline.citations import cite_sentence, is_verified
from longdoc.pipeline.pointing import cut_out, find, sentences_said
from longdoc.pipeline.session import Session
from longdoc.pipeline.summarize import summarize
from longdoc.search.salience import says_nothing

TALK = """Ann Lee: The hive of the abbey has ten wooden frames and a roof of slate. It was built in the spring of 1887.

Bo Ruiz: Bees make wax in their bellies, and a hive needs two pounds of it a year. The queen lays two thousand eggs.

Bo Ruiz: A colony of the northern valley winters on forty pounds of heather honey.

Ann Lee: The keeper of the abbey sold the honey to the harbour company. Nobody else bought it at that price.
"""
BODY = """Dear Bo,

the roofer wants 8,400 euros for the north side, and he starts on the second of May.

Best wishes,
Ana

-- 
Ana Ruiz, property manager
Tel. +353 21 555 0101

This message is confidential and the roofer is not meant to read it. If you received it in error, please delete it.
"""  # noqa: W291


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    path = tmp_path / "talk.txt"
    path.write_text(TALK)
    return path


@pytest.fixture
def mail(tmp_path: Path) -> Path:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "Ana Ruiz <ana@example.org>", "Bo <bo@example.org>", "The roof"
    made["Date"], made["Message-ID"] = "Tue, 12 Mar 2024 09:14:02 +0000", "<1@example.org>"
    made.set_content(BODY)
    path = tmp_path / "m.eml"
    path.write_bytes(bytes(made))
    return path


def summary_of(source: Path, session: Session) -> Summary:
    return summarize(
        str(source),
        source_options=SourceOptions(),
        model_options=session.options,
        options=SummaryOptions(),
        session=session,
    )


def answers_on(source: Path, session: Session, *questions: str) -> list[Answer]:
    return ask(
        str(source),
        questions,
        source_options=SourceOptions(),
        model_options=session.options,
        options=AskOptions(),
        session=session,
    )


def parsed(source: Path) -> Document:
    return read_document(str(source), SourceOptions(), lambda event: None)


def test_each_statement_of_a_transcript_names_its_speaker_beside_it(talk: Path, pointing: Session) -> None:
    summary = summary_of(talk, pointing)
    document = parsed(talk)
    said = {s.text: s.citations[0] for s in summary.statements}
    assert "The hive of the abbey has ten wooden frames and a roof of slate." in said
    assert {c.speaker for c in said.values()} == {"Ann Lee", "Bo Ruiz"}
    for text, citation in said.items():
        assert not text.startswith(("Ann", "Bo"))
        assert is_verified(document, citation)
        name = citation.speaker
        assert f"{text} [line {citation.line}, {name}]" in summary_text(summary)
        assert f"{text} [line {citation.line}, {name}]" in summary_markdown(summary)
        assert f"line {citation.line}, {name}</bdi>" in report_html([Reported(summary)])
    assert {s["citations"][0]["speaker"] for s in summary_json(summary)["statements"]} == {"Ann Lee", "Bo Ruiz"}


def test_an_answer_that_begins_a_turn_names_its_speaker_beside_it(talk: Path, pointing: Session) -> None:
    (answer,) = answers_on(talk, pointing, "To whom did the keeper of the abbey sell the honey?")
    assert answer.text.startswith("The keeper of the abbey sold the honey to the harbour company.")
    assert answer.citations[0].speaker == "Ann Lee"
    for page in (answers_text([answer]), answers_markdown([answer])):
        assert "harbour company. [line 7, Ann Lee]" in page
    assert answer_json(answer)["citations"][0]["quote"].startswith("The keeper")


def test_a_name_that_is_the_answer_keeps_the_sentence_whole(talk: Path) -> None:
    document = parsed(talk)
    start = document.text.index("Bo Ruiz: A colony")
    sentence = start, document.text.index("honey.", start) + 6
    text, (citation,) = cut_out(document, sentence, (0, 7))
    assert (text, citation.quote[:18]) == ("Bo Ruiz", "Bo Ruiz: A colony ")
    text, (citation,) = cut_out(document, sentence, (50, 62))
    assert citation.quote.startswith("A colony")
    assert text in citation.quote
    assert cite_sentence(document, *sentence).quote.startswith("A colony")
    assert cite_sentence(document, start, start + 8).quote == "Bo Ruiz:"  # nothing would be left


def test_the_marks_of_a_quotation_are_no_words_of_it() -> None:
    text = "> It rained.\n\n>> It snowed."
    document = Document(text, Source("a.md", "0" * 64, "markdown", 9))
    assert [cite_sentence(document, *span).quote for span in ((0, 12), (14, 27))] == ["It rained.", "It snowed."]
    mail = Document(text, Source("a.eml", "0" * 64, "eml", 9))
    assert cite_sentence(mail, 0, 12).quote == "It rained."  # whose it is, the section says


def test_fillers_are_no_second_sentence(talk: Path, pointing: Session) -> None:
    assert says_nothing("Bo Ruiz: um , which")
    assert not says_nothing("um , bees")
    talk.write_text(TALK + "\nBo Ruiz: um , which\n\nAnn Lee: The harbour company kept the honey.\n")
    document = parsed(talk)
    reading = pointing.read(str(talk), SourceOptions(), lambda event: None)
    found = find(document, "Who kept the honey?", reading.index, pointing.rankers["ranker"], 5).ranked
    filler = next(s for s in found if document.text[s.start : s.end].endswith("um , which"))
    best = found[0]
    both = [replace(best, probability=0.5), replace(filler, probability=0.4), *found[1:]]
    _, cited = sentences_said(document, both, (best.start, best.end), 2)
    assert len(cited) == 1


def test_who_somebody_is_is_not_told_by_what_they_say_of_other_things(talk: Path, pointing: Session) -> None:
    talk.write_text(
        TALK + "\nAnn Lee: Our guest Bo Ruiz keeps bees.\n\nBo Ruiz: Yeah, it was.\n\nBo Ruiz: Twenty.\n\nAnn Lee:\n"
    )
    document = parsed(talk)
    reading = pointing.read(str(talk), SourceOptions(), lambda event: None)

    def said(question: str) -> list[str]:
        ranked = find(document, question, reading.index, pointing.rankers["ranker"], 5).ranked
        return [document.text[s.start : s.end] for s in ranked]

    assert said("Who is Bo Ruiz?")[0].endswith("Our guest Bo Ruiz keeps bees.")
    assert "Bo Ruiz: Yeah, it was." not in said("Who is Bo Ruiz?")
    assert said("Who is Ann Lee?") == []  # nobody says anything of her
    assert "Bo Ruiz: Twenty." in said("How many bees did Bo Ruiz count?")  # what he says may answer that


def test_what_hangs_below_a_mail_is_in_no_summary_and_no_answer_unless_asked_for(mail: Path, pointing: Session) -> None:
    summary = summary_of(mail, pointing)
    assert [s.text for s in summary.statements] == [
        "the roofer wants 8,400 euros for the north side, and he starts on the second of May."
    ]
    document = parsed(mail)
    reading = pointing.read(str(mail), SourceOptions(), lambda event: None)
    rankers = pointing.rankers["ranker"]

    def first(question: str) -> str:
        found = find(document, question, reading.index, rankers, 5)
        best = found.ranked[0].start, found.ranked[0].end
        assert sentences_said(document, found.ranked, best, 1)[1]
        return document.text[slice(*best)]

    found = find(document, "What does the roofer want?", reading.index, rankers, 5).ranked
    assert not any("confidential" in document.text[s.start : s.end] for s in found)
    assert first("What does the roofer want?").startswith("the roofer wants")
    assert "confidential" in first("Is this message confidential?")
    assert "555 0101" in first("Who is the property manager?")
