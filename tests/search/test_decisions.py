"""Decisions and actions of minutes; and texts that only speak of agreeing."""

from __future__ import annotations

import pytest

from longdoc.core.sentences import sentence_spans
from longdoc.search.decisions import _ACTION, _DECISION, _PROPOSAL, _ROUTINE, _SIGNS, decisions, is_minutes

MINUTES = """Minutes of the Board meeting held on 4 March 2025

Present: Jane Ward (chair), Tom Okoro, Lise Brandt
Apologies: Carl Mun

1. Minutes of the previous meeting
The minutes of 4 February were approved as read.

2. Dredging
Tom Okoro explained that the silt had risen by forty centimetres since autumn.
A long discussion followed about the price of diesel.
RESOLVED: to award the dredging to Nordsand for 212,000 euros.
Action: Tom to sign the contract by 14 March.

3. Fees
Petra Holm proposed to raise the berth fees by 4 per cent.
Luis Vega recalled the protests of 2017.
The motion passed 5-2.
It was agreed that pensioners keep the old fee.
Jane Ward will write to the members.

4. The old crane

The crane has been out of use since June. Ahmed Nasser found it beautiful.

Deferred to 3 May.

The committee asked the clerk to find the owner of the foundations.
"""


def owed(text: str) -> dict[str, float]:
    spans = sentence_spans(text)
    return {text[slice(*spans[n])].split("\n")[-1]: value for n, value in decisions(text, spans).items()}


def test_what_was_decided_and_who_is_to_do_what_is_owed() -> None:
    found = owed(MINUTES)
    decided = {sentence for sentence, value in found.items() if value == 1.0}
    assert decided == {
        "RESOLVED: to award the dredging to Nordsand for 212,000 euros.",
        "The motion passed 5-2.",
        "It was agreed that pensioners keep the old fee.",
        "Deferred to 3 May.",
    }
    assert {sentence for sentence, value in found.items() if value < 1.0} == {
        "Action: Tom to sign the contract by 14 March.",
        "Jane Ward will write to the members.",
        "The committee asked the clerk to find the owner of the foundations.",
        "Petra Holm proposed to raise the berth fees by 4 per cent.",  # what the motion was
        "The crane has been out of use since June.",  # what was deferred
    }


@pytest.mark.parametrize(
    "text",
    [
        "We agreed to meet on Friday. It was decided that Ann writes. The motion of the ship made Tom sick.",
        "Chapter 1\n\nThe committee resolved to hang him. The meeting was adjourned, and all went home in the rain.",
        "Ann: So, did we agree on the price? Bo: Yes, we agreed. Ann: Action: you will call them.",
    ],
)
def test_other_texts_owe_nothing(text: str) -> None:
    assert not is_minutes(text)
    assert owed(text) == {}


@pytest.mark.parametrize("row", ["-\n", "|   |   |\n", "\n", "- \n\n"])
def test_a_long_table_of_empty_cells_is_looked_through_once(row: str) -> None:
    """With patterns that run over line ends this takes many minutes."""
    rows = row * (200_000 // len(row))
    assert not any(pattern.search(rows) for pattern in (*_SIGNS, _ACTION, _DECISION, _PROPOSAL, _ROUTINE))
    longest = MINUTES + row * ((149_000 - len(MINUTES)) // len(row))
    assert is_minutes(longest)


def test_marks_before_the_words_of_a_line_change_nothing() -> None:
    text = (
        MINUTES.replace("RESOLVED", "- **RESOLVED")
        .replace("Present", "| Present")
        .replace("Minutes of", "# Minutes of")
    )
    assert is_minutes(text)
    assert owed(text)["- **RESOLVED: to award the dredging to Nordsand for 212,000 euros."] == 1.0
