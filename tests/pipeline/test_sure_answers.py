"""An answer that other sentences contest, or that the document may not hold, says that it is not sure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from handmade import make_answer, make_receipt

from longdoc.core.events import ignore
from longdoc.core.paths import data_folder
from longdoc.core.settings import AskOptions, SourceOptions
from longdoc.core.types import NotFoundIn
from longdoc.ingest import read_document
from longdoc.output.json import answer_json
from longdoc.output.markdown import answers_markdown
from longdoc.output.text import answers_text
from longdoc.output.wording import UNSURE
from longdoc.pipeline.interview import Interview, Told
from longdoc.pipeline.pointing import point
from longdoc.search.index import PassageIndex
from longdoc.search.ranker import load

LEASE = """LEASE

This lease is made on 3 March 2024 between Harbour Estates and Maria Okafor.

1. Rent
The monthly rent is EUR 1,450, payable in advance on the first working day of each month.

2. Deposit
The Tenant shall pay a deposit equal to two months' rent. It is returned within 30 days of the end of the lease.

3. Repairs
The Landlord shall keep in repair the roof. The Tenant shall bear the cost of minor repairs up to EUR 100 each.

4. Pets
No animals may be kept without the Landlord's prior written consent. Guide dogs are always permitted.
"""


@pytest.mark.parametrize(
    ("question", "held", "sure"),
    [
        ("How much is the monthly rent?", "EUR 1,450", True),
        ("Who pays for the repairs?", "minor repairs", True),
        ("What is the name of the dog?", None, False),
    ],
)
def test_what_stands_out_is_sure_and_the_rest_is_not(
    tmp_path: Path, question: str, held: str | None, sure: bool
) -> None:
    path = tmp_path / "lease.txt"
    path.write_text(LEASE)
    document = read_document(str(path), SourceOptions())
    rankers = load(data_folder("adapters") / "lexical" / "ranker.json")
    with PassageIndex(document.text, document.sections) as index:
        told = point(document, index, rankers, question, AskOptions())
    assert held is None or held in told.text
    assert told.sure is sure


@pytest.mark.parametrize(
    ("likely", "where", "sure"),
    [(0.01, "document", True), (0.45, "document", False), (0.0, "passage", None), (0.0, "memory", None)],
)
def test_what_is_not_found_is_sure_when_an_answer_is_unlikely(
    likely: float, where: NotFoundIn, sure: bool | None
) -> None:
    told = Told("", (), (), True, likely, not_found_in=where)
    interview = Interview(lambda _: told, lambda _: make_receipt(), AskOptions(), ignore, 0.0)
    assert interview.answer("Who?").sure is sure


def test_only_an_answer_that_is_not_sure_says_so() -> None:
    for sure in (True, None):
        answer = replace(make_answer(), sure=sure)
        assert UNSURE not in answers_markdown([answer])
        assert answer_json(answer)["sure"] is sure
    unsure = replace(make_answer(), sure=False)
    assert f"*({UNSURE})*" in answers_markdown([unsure])
    assert f"({UNSURE})" in answers_text([unsure])
    assert answer_json(unsure)["sure"] is False
