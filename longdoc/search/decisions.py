"""What a meeting came to, in its minutes: resolved, agreed, deferred, and who is to do what.

A summary of minutes owes its reader these before what was said on the way. Only a text that looks like minutes is
looked at: it has to show two of their kinds of marks, so that no talk, report or novel is meant. English only. Knows
nothing of scores: how much a decision is favoured is for whoever chooses.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from longdoc.core.run_in import body_start
from longdoc.core.sentences import Span

_PERSON = (
    r"(?:(?:Mr|Mrs|Ms|Miss|Dr|Prof|Cllr|Councillor|Councilman|Councilwoman|Sir|Lady)\.? )?"
    r"[A-Z][\w'’-]+(?: (?:[A-Z][\w'’-]+|[A-Z]\.)){0,2}"
)
_OFFICE = (
    r"[Tt]he (?:[\w-]+ ){0,2}?(?i:chair\w*|clerk|secretary|treasurer|manager|director|council|committee|board|team|"
    r"group|president|accountant|auditor|vice-chair\w*|officer|company|working group)"
)
_WHO = rf"(?:{_PERSON}(?:(?:,| and|, and) {_PERSON}){{0,3}}|{_OFFICE}|All|Everyone|Everybody|We)"
_DECIDED = (
    r"(?:agreed|resolved|decided|approved|adopted|rejected|refused|defeated|deferred|postponed|adjourned|tabled|carried|"
    r"ratified|accepted|elected|re-elected|appointed|co-opted|endorsed|voted|withdrawn|granted|awarded|authori[sz]ed)"
)


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.MULTILINE)


# Before and behind words; not \W*, which runs over line ends: on a table of empty cells the time would be quadratic.
_EDGE = r"[^\w\n]{0,20}"

# Of these a text of minutes has two kinds at least; the case of letters is that of a line of its own.
_SIGNS = (
    _any_of(rf"(?i:^{_EDGE}(?:draft |approved )?minutes\b[^.\n]{{0,100}}$)", rf"(?i:^[^.\n]{{0,80}}\bminutes{_EDGE}$)"),
    _any_of(
        rf"(?i:^{_EDGE}(?:also )?(?:present|in attendance|attendees|attending|apologies|absent|regrets)"
        r"\b[^:\n]{0,60}:)"
    ),
    _any_of(
        r"(?i:\bmatters arising\b|\bany other business\b|\bminutes of the (?:last|previous)\b)",
        r"^(?i:(?:[^\w\n]|\d){0,20}(?:date of |the )?next meeting\b[^\n]{0,40})$",
        rf"^(?i:(?:[^\w\n]|\d){{0,20}}(?:AOB|agenda|action items|decisions|open session|actions){_EDGE})$",
    ),
    _any_of(
        r"(?i:\b(?:chair\w*|mayor|president|secretary) (?:\w+ ){0,3}?(?:opened|closed|adjourned) the meeting)",
        r"(?i:\bmeeting (?:was |is )?(?:then )?(?:opened|closed|adjourned|called to order|declared (?:open|closed)))",
        r"(?i:\b(?:a |the )?quorum (?:was|is)\b)",
    ),
    _any_of(r"(?:^|[.!?] )(?:RESOLVED|Resolved|AGREED|Agreed|DECIDED|ACTION|Action|DEFERRED|Deferred|MOTION|Motion)\b"),
)
_LEAST_SIGNS = 2
_MOST_CHARACTERS = 150_000

_DECISION = _any_of(
    # "RESOLVED: ...", "Deferred until ...", "Decision 3 - ..."
    rf"^{_EDGE}(?i:(?:it was )?(?:unanimously )?(?:resolved|agreed|decided|deferred|carried|approved|rejected|adopted|"
    r"decision|resolution|outcome|motion (?:passed|carried|failed)|vote|conclusion)\b)(?! with\b)",
    rf"(?i:\bit was (?:\w+ )?{_DECIDED}\b)",
    rf"(?i:\b(?:was|were|be|been|is|are) (?:\w+ly )?(?:not )?{_DECIDED}\b(?! (?:with|by the county)\b))",
    r"(?i:\b(?:motion|proposal|amendment|resolution|budget|application)\b[^.]{0,60}\b(?:passed|carried|fell|failed|lost)\b)",
    rf"(?i:\b(?:meeting|council|councillors|committee|board|members|directors|trustees|group|team|all|we)\b"
    rf"(?: (?:then|also|therefore|unanimously|finally))? {_DECIDED}\b)",
    r"(?i:\b(?:unanimously|by \w+ votes to \w+|\d+ votes? (?:to|against)|no objections?\b))",
    r"(?i:\bdeferred (?:to|until|till)\b)",
)
_ACTION = _any_of(
    rf"^{_EDGE}(?i:actions?(?: (?:item|point)s?)?(?: \d+)?\s?[:–-]|to do\b|todo\b|"
    r"next steps?\s?[:–-]|follow-?up\s?[:–-])",
    rf"^{_EDGE}{_WHO},? to (?!the\b|a\b|an\b|be\b)[a-z]+",  # "Jane to write to the county."
    rf"^{_EDGE}{_WHO} (?:will|shall|is to|are to|undertook to|agreed to|offered to|was asked to|were asked to)\b",
    r"(?i:\b(?:was|were) (?:asked|instructed|requested|mandated|tasked) (?:to|with)\b)",
    rf"^{_OFFICE} (?:asked|instructed|requested) \w+(?: \w+){{0,3}} to\b",
)
_ROUTINE = _any_of(
    r"(?i:\b(?:minutes|agenda|apologies)\b[^.]{0,60}\b(?:approved|adopted|accepted|noted|agreed|confirmed)\b)"
)
_PROPOSAL = _any_of(
    r"(?i:\b(?:propos|mov|suggest|request|recommend|appl)(?:e|ed|es|ied|al)\b|\basked (?:that|for|to)\b)"
)
# A decision that says nothing without what stands before it: "Resolved: Cllr Lyle.", "Carried."
_MOST_BARE_WORDS = 7
_ENDS = re.compile(r"[.!?)”\"]\s*$")
_WITH_IT = 0.7
_FARTHEST = 12  # sentences before a decision in which its matter is looked for


def is_minutes(text: str) -> bool:
    """Whether a text looks like the minutes of a meeting."""
    return len(text) <= _MOST_CHARACTERS and sum(bool(sign.search(text)) for sign in _SIGNS) >= _LEAST_SIGNS


def decisions(text: str, sentences: Sequence[Span]) -> dict[int, float]:
    """The sentences of minutes that a summary of them owes, by number: 1 for a decision, less for what goes with it.

    That is who is to do what, and what a short decision ("The motion passed 5-2.") was about.
    """
    if not is_minutes(text):
        return {}
    said = [text[start:end] for start, end in sentences]
    owed: dict[int, float] = {}
    for number, sentence in enumerate(said):
        if _ENDS.search(sentence) is None or _ROUTINE.search(sentence):
            continue
        if _DECISION.search(sentence):
            owed[number] = 1.0
            if len(sentence.split()) <= _MOST_BARE_WORDS:
                matter = _matter(text, sentences, said, number)
                owed.setdefault(matter, _WITH_IT)
        elif _ACTION.search(sentence):
            owed.setdefault(number, _WITH_IT)
    return owed


def _matter(text: str, sentences: Sequence[Span], said: Sequence[str], decision: int) -> int:
    """The number of the last proposal before a decision, else of the first sentence below the heading."""
    first = decision
    for number in range(decision, max(-1, decision - _FARTHEST), -1):
        if number < decision and _ENDS.search(said[number]) is None:
            break
        first = number
        if number < decision and _PROPOSAL.search(said[number]):
            return number
        if body_start(text, *sentences[number]) > sentences[number][0]:
            break
    return first
