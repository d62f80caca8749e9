"""Putting lines together again: hyphens and dashes at their ends."""

from __future__ import annotations

from longdoc.ingest.clean import Vocabulary, join_lines

COMPOUNDS = "plain clothes, race meeting, letter box, cinema man, tooth brush, table cloth, side door, half year"


def test_hyphens_stay_in_a_document_that_breaks_no_words() -> None:
    lines = [line for pair in COMPOUNDS.split(", ") for line in (f"He saw the {pair.split()[0]}-", pair.split()[1])]
    assert join_lines(lines[:2], Vocabulary.of(lines)) == "He saw the plain-clothes"


def test_hyphens_go_in_a_document_whose_other_words_show_that_it_breaks_them() -> None:
    pairs = [("lan", "tern"), ("cap", "tain"), ("har", "bour"), ("vil", "lage"), ("win", "dow"), ("gar", "den")]
    lines = [line for a, b in [*pairs, ("mon", "strous"), ("tre", "ble")] for line in (f"He saw the {a}-", b)]
    whole = [f"the {a}{b} there" for a, b in pairs]
    assert join_lines(["a mon-", "strous thing"], Vocabulary.of([*lines, *whole])) == "a monstrous thing"


def test_a_word_that_has_a_hyphen_further_on_keeps_the_one_at_the_line_end() -> None:
    vocabulary = Vocabulary.of(["There were four of them, and a lantern."])
    assert join_lines(["He stepped out like a four-", "year-old."], vocabulary).endswith(" like a four-year-old.")
    assert join_lines(["She met the lan-", "tern-keeper."], vocabulary) == "She met the lantern-keeper."


def test_a_dash_that_begins_a_line_has_a_space_before_it_where_the_others_have() -> None:
    lines = ["She had her pile", "—not one of the big ones."]
    closed = Vocabulary.of([*lines, "a woman—Julia—had come"])
    spaced = Vocabulary.of([*lines, "Ven —dijo él— pronto."])
    assert join_lines(lines, closed) == "She had her pile—not one of the big ones."
    assert join_lines(lines, spaced) == "She had her pile —not one of the big ones."


def test_an_ending_that_is_a_word_too_is_not_half_of_a_compound() -> None:
    vocabulary = Vocabulary.of(["It is of less worth than a service by an able man who may repeat it."])
    assert join_lines(["It was worth-", "less to him."], vocabulary) == "It was worthless to him."
    assert join_lines(["He went on repeat-", "ing it."], vocabulary) == "He went on repeating it."
    assert join_lines(["It is a service-", "able coat."], vocabulary) == "It is a serviceable coat."
