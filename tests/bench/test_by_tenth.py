"""What the benches of answers and summaries say of the places in a text, and of citations."""

from __future__ import annotations

from longdoc.bench import qa, summaries
from longdoc.core.types import CitationCount
from longdoc.search.joined import JoinedDocument, JoinedQuestion, join, rotated


def document(num: int = 40) -> JoinedDocument:
    """A text of `num` paragraphs, with a question on each."""
    paragraphs = [f"The stone of place{n} has the colour shade{n}." for n in range(num)]
    text, questions = "", []
    for n, paragraph in enumerate(paragraphs):
        questions.append(
            JoinedQuestion(f"Which colour has place{n}?", (f"shade{n}",), len(text), len(text) + len(paragraph))
        )
        text += paragraph + "\n\n"
    return JoinedDocument("stones-0", text, (), tuple(questions))


def knowing(share: float) -> qa.System:
    """A system that finds what stands in the first `share` of a text."""

    def system(document: JoinedDocument) -> qa.Ask:
        def ask(question: str) -> qa.Reply:
            (own,) = (q for q in document.questions if q.question == question)
            if own.start < share * len(document.text):
                return qa.Reply(document.text[own.start : own.end], ((own.start, own.end),))
            return qa.Reply("", confidence=0.0)

        return ask

    return system


def test_the_worst_tenth_is_measured_against_the_best() -> None:
    everywhere = qa.measure([document()], [], knowing(1.0), 100)
    assert sum(everywhere["questions_by_tenth"]) == 40
    assert everywhere["evidence_at_5_by_tenth"] == everywhere["contained_by_tenth"] == [1.0] * 10
    assert everywhere["worst_tenth_evidence"] == everywhere["worst_tenth_contained"] == 1.0
    first_half = qa.measure([document()], [], knowing(0.5), 100)
    assert first_half["worst_tenth_evidence"] == 0.0
    assert first_half["evidence_at_5_by_tenth"][0] == 1.0
    assert first_half["evidence_at_5_by_tenth"][9] == 0.0
    assert first_half["evidence_at_5"] == 21 / 40  # the paragraph that lies across the middle as well


def test_fewer_questions_than_there_are_come_from_all_over_the_text() -> None:
    some = qa.measure([document(40)], [], knowing(1.0), 20)
    assert some["num_questions"] == 20
    assert min(some["questions_by_tenth"]) >= 1


def test_several_texts_are_counted_together() -> None:
    both = qa.measure([document(40), document(20)], [], knowing(1.0), 100)
    assert both["num_questions"] == 60
    assert both["evidence_at_5"] == 1.0


def test_nothing_is_said_of_tenths_where_one_has_no_question() -> None:
    assert qa.measure([document(4)], [], knowing(1.0), 100)["worst_tenth_evidence"] is None


def test_citations_that_fail_and_sections_without_one_are_in_the_table() -> None:
    text = "The mill was built by Ruth Marsh in the year 1780. It burned down. " * 3

    def system(document: str, title: str, budget_words: int) -> summaries.Made:
        return summaries.Made([(0, 20)], CitationCount(total=4, verified=3, statements=4, statements_cited=3), 0.5)

    found = summaries.measure([(text, "", ["Ruth Marsh built the mill."])], system)
    assert found["citation_accuracy"] == found["citation_coverage"] == 0.75
    assert found["sections_told"] == 0.5
    assert found["drawn_from"][0] == 1.0
    assert "citation_accuracy" not in summaries.measure([(text, "", ["Ruth Marsh."])], summaries.lead)


def test_a_rotated_text_has_the_same_questions_elsewhere() -> None:
    rows = [
        {
            "doc_id": f"set_{name}",
            "context": f"The mill of {name} was built by Ruth{name}.",
            "question": f"Who built it in {name}?",
            "answers": [f"Ruth{name}"],
        }
        for name in ("Alder", "Birch", "Cedar", "Dogwood")
    ]
    (whole,) = join(rows, "mills")
    turned = rotated(whole, 0.5)
    assert turned.text.startswith("Cedar")
    assert sorted(turned.text) == sorted(whole.text)
    assert rotated(whole, 0.0) == whole
    for document in (whole, turned):
        for question in document.questions:
            paragraph = document.text[question.start : question.end]
            assert question.answers[0] in paragraph
            assert paragraph in next(
                document.text[s.start : s.end] for s in document.sections if s.start <= question.start < s.end
            )
    assert [q.start for q in turned.questions] != [q.start for q in whole.questions]
    found = qa.measure([whole, turned], [], knowing(0.5), 10)
    assert found["evidence_at_5"] == 0.5  # each question once in the first half, once in the second
