"""Choosing summary sentences, with the ranker that ships."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longdoc.core.paths import data_folder
from longdoc.search.ranker import load
from longdoc.search.salience import features, is_unbalanced, score_part
from longdoc.search.selection import select, select_overall
from longdoc.search.terms import DocumentTerms

STORY = (
    "Captain Marlow sailed from Lisbon with a cargo of stolen rifles. It was raining. "
    "“I do not like it,” he said. “Nobody does.” The rifles were meant for General Ortega, who planned a rising.\n\n"
    "Clouds drifted. Marlow learned in Tangier that Ortega had betrayed the crew to the police. "
    "Was there a way out? He burned the ship's papers, and the crew swore to keep silent about the rifles.\n\n"
)
CHAPTERS = [STORY, STORY.replace("Marlow", "Jensen").replace("Lisbon", "Hamburg"), "The trial of Ortega ended it. " * 3]


@pytest.fixture(scope="module")
def rankers():
    return load(data_folder("adapters") / "lexical" / "salience.json")


@pytest.fixture(scope="module")
def parts(rankers):
    text, spans = "", []
    for chapter in CHAPTERS:
        spans.append((len(text), len(text) + len(chapter)))
        text += chapter
    terms = DocumentTerms(text)
    return [score_part(terms, start, end, rankers) for start, end in spans]


def test_a_selection_keeps_the_budget_and_the_reading_order(parts):
    for budget in (15, 30, 60):
        chosen = select(parts[0], budget)
        assert sum(s.num_words for s in chosen) <= budget
        assert [s.start for s in chosen] == sorted(s.start for s in chosen)


def test_events_come_before_weather_and_dialogue(parts):
    chosen = select(parts[0], 40)
    assert all(s.num_words > 5 and s.features["quoted"] == 0 for s in chosen)


def test_a_part_is_never_left_empty(parts):
    assert len(select(parts[0], 1)) == 1


def test_no_statement_is_chosen_twice(parts):
    assert len(parts[2]) == 3
    assert len(select(parts[2], 100)) == 1


def test_every_part_has_its_share_of_the_whole(parts):
    overall = select_overall(parts, 30 * len(parts))  # fewer words than that are shared between parts
    for part in parts:
        numbers = {s.number for s in part}
        assert any(s.number in numbers for s in overall)
    assert sum(s.num_words for s in overall) <= 110


def test_many_parts_share_few_words(parts):
    assert 1 <= len(select_overall(parts * 1, 30)) <= 3
    assert select_overall([], 100) == []


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [('He said "yes', True), ("“Yes,” he said.", False), ("(a note", True), ("A plain sentence.", False)],
)
def test_half_a_quotation_is_noticed(sentence, expected):
    assert is_unbalanced(sentence) is expected


def test_a_sentence_inside_a_longer_quotation_counts_as_quoted():
    terms = DocumentTerms(
        "“I saw him at the gate. He carried a lamp in his hand. He was alone,” she said. Then she left."
    )
    inside = next(i for i, (a, b) in enumerate(terms.sentences) if "lamp" in terms.text[a:b])
    assert terms.quoted[inside] > 0.9


def test_names_are_words_that_stay_capitalised_inside_sentences():
    names = DocumentTerms(
        "The captain met Marlow. Then Marlow left. They saw Marlow. The end came. The ship sank."
    ).names
    assert "marlow" in names
    assert "the" not in names


def test_in_a_story_what_retellings_speak_of_and_what_comes_back_is_counted(rankers):
    told = STORY + "“Well,” said Marlow, “it is late.” Jensen discovered the plot and revealed it to Ortega's wife.\n\n"
    terms = DocumentTerms(told)
    assert terms.telling[terms.vocabulary["reveal"]] > 0.5
    assert terms.telling[terms.vocabulary["marlow"]] == terms.theme[terms.vocabulary["marlow"]] == 0
    columns = features(terms, range(len(terms.sentences)))
    best = max(range(len(terms.sentences)), key=lambda i: columns["telling"][i])
    assert "revealed" in told[slice(*terms.sentences[best])]


@settings(max_examples=40, deadline=None)
@given(text=st.text(max_size=300))
def test_any_text_can_be_scored_and_spans_are_exact(rankers, text):
    scored = score_part(DocumentTerms(text), 0, len(text), rankers)
    assert all(text[s.start : s.end].strip() for s in scored)
    select_overall([scored], 20)


def test_in_speech_taken_down_as_spoken_fillers_and_questions_are_left(rankers):
    talk = [
        "Uh , yeah , um , so , uh , I mean , uh .",
        "The remote control needs a rubber case and two large buttons for the volume .",
        "Okay , um , how many , uh , buttons , Robert ?",
        "The budget for the remote control is twelve euros , and the profit fifty million .",
    ] * 6
    scored = score_part(DocumentTerms("\n\n".join(talk)), 0, 100_000, rankers)
    said = {s.num_words for s in select(scored, 31)}
    assert {s.features["spoken"] for s in scored} == {1.0}
    assert said == {len(talk[1].split()), len(talk[3].split())}
    written = DocumentTerms("\n\n".join([talk[1], talk[3]] * 6))
    assert {s.features["fillers"] for s in score_part(written, 0, 100_000, rankers)} == {0.0}
