"""The thesaurus, and what it adds to a question's columns."""

import re
from pathlib import Path

import pytest

from longdoc.search import related as module
from longdoc.search.candidates import candidates, features, parse
from longdoc.search.index import PassageIndex
from longdoc.search.passages import passage_columns, propose
from longdoc.search.related import related
from longdoc.search.words import stem

LEASE = (
    "The Tenant shall pay a deposit of two months' rent.\n\n"
    "The Landlord keeps the roof and the heating in good order.\n\n"
    "The Tenant shall bear the cost of minor repairs up to EUR 100 each."
)


def test_words_are_related_both_ways_and_never_to_themselves():
    assert stem("cost") in related(stem("pay"))
    assert stem("pay") in related(stem("cost"))
    assert stem("pay") not in related(stem("pay"))
    assert related("zyzzyva") == frozenset()


def test_each_line_is_a_group_of_plain_words_and_none_is_said_twice():
    lines = Path(module.__file__).with_name("related_words.txt").read_text(encoding="utf-8").splitlines()
    assert all(re.fullmatch("[a-z]+( [a-z]+){1,12}", line) for line in lines)
    assert len({frozenset(line.split()) for line in lines}) == len(lines) > 500


def test_a_sentence_covers_by_related_words_what_it_does_not_say():
    with PassageIndex(LEASE) as index:
        question = parse("Who pays for repairs?", index)
        passages = index.propose("Who pays for repairs?", 5)
        found = candidates(index, passages)
        columns = features(question, index, passages, found)
    by_text = {LEASE[c.start : c.end]: i for i, c in enumerate(found)}
    deposit, repairs = (next(i for text, i in by_text.items() if word in text) for word in ("deposit", "repairs"))
    assert columns["related"][deposit] == 0
    assert columns["related"][repairs] > 0
    assert columns["coverage"][repairs] + columns["related"][repairs] == pytest.approx(1.0)


def test_every_passage_of_a_short_text_is_proposed():
    with PassageIndex(LEASE) as index:
        found = propose("Is there a xylophone?", index)
        assert [(p.start, p.end) for p in found] == [index.span(n) for n in range(len(index.passages))]
        assert all(p.score == 0 for p in found)
        columns = passage_columns("Is there a xylophone?", index, found)
    assert not columns["coverage"].any()


def test_english_is_not_applied_to_other_languages():
    text = (
        "Der Mieter zahlt die Miete am ersten Tag des Monats und die Kaution in drei Raten an den Vermieter.\n\n"
        "Le chat dort dans la cuisine, et les voisins parlent avec le facteur de la maison et de la pluie."
    )
    with PassageIndex(text) as index:
        assert not index.is_english
        question = parse("Où dort le chat?", index)
        assert not any(question.related.values())
        assert index.idf("miete") == pytest.approx(index.idf("kaution"))
        assert index.highest_idf == pytest.approx(index.idf("zyzzyva"))
    with PassageIndex(LEASE) as index:
        assert any(parse("Who pays for repairs?", index).related.values())
