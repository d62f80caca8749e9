"""Where nothing answers, what is nearest is shown by its sentence, not by the beginning of its passage."""

from dataclasses import replace

from longdoc.core.paths import data_folder
from longdoc.core.types import Document, Source
from longdoc.pipeline.pointing import MIN_ANSWERABLE, evidence_of, find
from longdoc.search.index import PassageIndex
from longdoc.search.ranker import load

FILLER = "The committee met on a wet morning and talked for a long while about nothing that matters to anybody here. "
TEXT = FILLER * 6 + "Vinegar damages the seals of the machine. It also voids the guarantee at once. " + FILLER * 6


def test_of_a_passage_the_best_sentence_and_the_next_are_shown() -> None:
    document = Document(TEXT, Source("a.txt", "0" * 64, "text", 9))
    question = "Is vinegar any good against the lime in the machine?"
    with PassageIndex(TEXT) as index:
        found = find(document, question, index, load(data_folder("adapters") / "lexical" / "ranker.json"), 3)
    declined = replace(found, likely=MIN_ANSWERABLE / 2)
    nearest = evidence_of(document, declined, 3, alone=True)
    assert nearest[0].citation.quote == (
        "Vinegar damages the seals of the machine. It also voids the guarantee at once."
    )
    for shown in (evidence_of(document, declined, 3), evidence_of(document, replace(found, likely=0.9), 3, alone=True)):
        assert len(shown[0].citation.quote) > len(nearest[0].citation.quote)  # what a model reads, and beside an answer
        assert nearest[0].citation.quote in shown[0].citation.quote
