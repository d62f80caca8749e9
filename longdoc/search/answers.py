"""The sentence that answers a question, and how likely the document answers it at all.

Both are judged by small rankers over named columns. A language model may add its own columns (the log
probability of the question given the passage, say); without one the lexical columns stand alone.
Knows nothing of how a model computes them, nor of citations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from longdoc.core.types import Passage
from longdoc.search import definitions, reading, similarity
from longdoc.search.candidates import Candidate, candidates, features, parse
from longdoc.search.index import PassageIndex
from longdoc.search.ranker import Array, RankerFile

ANSWERABILITY_COLUMNS = (
    "best_coverage", "best_wide", "best_passage", "top_coverage", "top_wide", "top_passage", "best_bigrams",
    "top_names", "known", "known_names", "margin", "agreement", "num_words", "num_passages", "top_score", "top_share",
    "rarest_missing", "num_missing", "best_related", "best_related_wide", "top_related", "top_related_wide",
    "rarest_unmet", "num_unmet", "top_fits_kind",
)  # fmt: skip
SIMILARITY_COLUMNS = ("best_similarity", "top_similarity", "best_similarity_wide")
READ_COLUMNS = ("best_read", "top_read", "second_read")

_SURE, _SURE_READ = 0.8, 0.95  # the share from which one sentence is enough, without and with a reader's column
_ECHO = 0.7  # of the question's words, by weight, in a question of the document
_REPLY_WITHIN = 6  # sentences
_FEW_WORDS = 2  # of a sentence that says nothing alone: "Yeah."
_SHORT, _SHORT_DOUBT = 24, 0.85  # passages; from the log odds, as if a likelihood of .7 were needed and not of .5


@dataclass(frozen=True, slots=True)
class ScoredSentence:
    """A sentence that may answer.

    probability: its share among the candidates, not the probability that the document answers at all.
    passage: index into the passages that were ranked.   features: by column, for whoever asks why.
    then: where the next sentence starts, if this one only announces it: a question, "as follows:", a word or two.
    """

    start: int
    end: int
    score: float
    probability: float
    passage: int
    features: dict[str, float]
    then: int | None = None


def rank_sentences(
    question: str,
    index: PassageIndex,
    passages: Sequence[Passage],
    rankers: RankerFile,
    extra: Mapping[str, Array] | None = None,
) -> list[ScoredSentence]:
    """All sentences of the passages, best first.

    extra: columns from a model, one value per sentence of `candidates(index, passages)`, in that order.
    """
    found = candidates(index, passages)
    if not found:
        return []
    columns = sentence_columns(question, index, passages, found, rankers) | dict(extra or {})
    scores = _introduced(rankers.best("sentence", columns).score(columns), question, index, found)
    scores = _after_questions(scores, index, found, columns)
    share = np.exp(scores - scores.max())
    share /= share.sum()
    ranked = [
        ScoredSentence(
            start=candidate.start,
            end=candidate.end,
            score=float(scores[i]),
            probability=float(share[i]),
            passage=candidate.passage,
            features={name: float(column[i]) for name, column in columns.items()},
            then=_announced_by(candidate, index),
        )
        for i, candidate in enumerate(found)
    ]
    return sorted(ranked, key=lambda sentence: (-sentence.score, sentence.start))


def sentence_columns(
    question: str,
    index: PassageIndex,
    passages: Sequence[Passage],
    found: Sequence[Candidate],
    rankers: RankerFile,
) -> dict[str, Array]:
    """All columns of words, with an encoder those of `similarity`, with a reader "read"."""
    columns = features(parse(question, index), index, passages, found)
    if rankers.encoder is not None and index.is_english:
        columns |= similarity.of_sentences(question, index, found, rankers.encoder)
    reader = reading.reader_for(question, index, rankers)
    if reader is not None:
        columns["read"] = reading.of_sentences(question, index, passages, found, reader)
    return columns


def _after_questions(
    scores: Array, index: PassageIndex, found: Sequence[Candidate], columns: Mapping[str, Array]
) -> Array:
    """(N,): a question of the document that has most of the words asked for is no answer; what follows it may be one.

    In interviews that is what the next paragraph, or the next turn, begins with.
    """
    changed = scores.copy()
    numbers = {candidate.number: i for i, candidate in enumerate(found)}
    for i, candidate in enumerate(found):
        if not columns["is_question"][i] or columns["coverage"][i] < _ECHO:
            continue
        after = [
            numbers[n]
            for n in range(candidate.number + 1, candidate.number + _REPLY_WITHIN)
            if n in numbers and not columns["is_question"][numbers[n]]
        ]
        turns = [j for j in after if "\n\n" in index.text[index.sentences[found[j].number - 1][1] : found[j].start]]
        if reply := (turns or after)[:1]:
            changed[reply[0]] = max(changed[reply[0]], scores[i])
            changed[i] = min(changed[i], float(scores.min()))
    return changed


def enough(ranked: Sequence[ScoredSentence], most: int = 2) -> Sequence[ScoredSentence]:
    """The sentences to say: the best one when it is well ahead of the others, else the best `most`.

    The best one that only announces the next is said with that, whatever is ahead of it.
    """
    if not ranked:
        return []
    announced = [s for s in ranked if s.start == ranked[0].then]
    if announced and most > 1:
        return [ranked[0], *announced]
    sure = _SURE_READ if "read" in ranked[0].features else _SURE
    return ranked[:1] if ranked[0].probability >= sure else ranked[:most]


def _announced_by(candidate: Candidate, index: PassageIndex) -> int | None:
    said = index.text[candidate.start : candidate.end].rstrip("\"'”’) ")
    is_short = index.is_english and len(said.split()) <= _FEW_WORDS  # some scripts have no blanks
    if not said.endswith((":", "?", "\uff1a", "\uff1f")) and not is_short:
        return None
    following = index.sentences[candidate.number + 1 : candidate.number + 2]
    return following[0][0] if following else None


def _introduced(scores: Array, question: str, index: PassageIndex, found: Sequence[Candidate]) -> Array:
    """(N,): higher for sentences that say what "What is it?" asks for; the same for every other question.

    Where the difference of two is asked for, the sentences that introduce them share the highest score of both.
    """
    changed = scores.copy()
    subjects = definitions.subjects_of(question)
    first_weight = definitions.first_weight(question)
    chosen = []
    for subject in subjects:
        pattern = definitions.pattern_of(subject)
        first = definitions.definition_of(subject, index.text, index.sentences)
        for i, candidate in enumerate(found):
            says = definitions.says(pattern, index.text[candidate.start : candidate.end]) == 1
            changed[i] += definitions.SAYS_WEIGHT * says + first_weight * (candidate.number == first)
            if candidate.number == first:
                chosen.append(i)
    if len(subjects) > 1 and chosen:
        changed[chosen] = changed[chosen].max()
    return changed


def answerability(
    question: str,
    index: PassageIndex,
    passages: Sequence[Passage],
    ranked: Sequence[ScoredSentence],
    rankers: RankerFile,
) -> float:
    """The probability that the document answers: low for questions that belong to another document.

    A short document shares its words with most questions that are asked of it, also with those that it does not
    answer: there more is needed. Trick questions, whose words are all here but turned, are not what this detects.
    """
    if not ranked:
        return 0.0
    columns = {
        name: np.asarray([value]) for name, value in answerability_columns(question, index, passages, ranked).items()
    }
    logit = float(rankers.best("answerability", columns).score(columns)[0])
    if len(index.passages) <= _SHORT:
        logit -= _SHORT_DOUBT
    return float(1 / (1 + np.exp(-logit)))


def answerability_columns(
    question: str, index: PassageIndex, passages: Sequence[Passage], ranked: Sequence[ScoredSentence]
) -> dict[str, float]:
    """ANSWERABILITY_COLUMNS of one question, from its passages, best first, and their ranked sentences.

    rarest_missing, num_missing: of the words that the best passage does not have, the weight and the number;
    rarest_unmet, num_unmet: of those for which it has no related word either.   related: coverage with related words.
    """
    asked = parse(question, index)
    there = {stem for number in index.sentences_of(passages[0]) for stem in index.stems_of(number)}
    missing = [weight for stem, weight in asked.weights.items() if stem not in there]
    unmet = [asked.weights[s] for s in asked.weights if s not in there and not asked.is_related(s, there)]
    absent = index.highest_idf
    unknown = sum(weight for stem, weight in asked.weights.items() if stem in asked.absent)
    top = ranked[0]
    second = ranked[1].score if len(ranked) > 1 else top.score - 1
    best = {name: max(s.features[name] for s in ranked) for name in ("coverage", "coverage_wide", "coverage_passage")}
    values = (
        best["coverage"],
        best["coverage_wide"],
        best["coverage_passage"],
        top.features["coverage"],
        top.features["coverage_wide"],
        top.features["coverage_passage"],
        max(s.features["bigrams"] for s in ranked),
        top.features["names_present"],
        1 - unknown / asked.total if asked.total else 0.0,
        len(asked.names - asked.absent) / len(asked.names) if asked.names else 1.0,
        min(3.0, top.score - second),
        float(top.passage == 0),
        min(12.0, len(asked.weights)) / 12,
        float(np.log1p(len(index.passages))),
        top.score,
        top.probability,
        max(missing, default=0.0) / absent,
        float(len(missing)),
        max(s.features["coverage"] + s.features["related"] for s in ranked),
        max(s.features["coverage_wide"] + s.features["related_wide"] for s in ranked),
        top.features["coverage"] + top.features["related"],
        top.features["coverage_wide"] + top.features["related_wide"],
        max(unmet, default=0.0) / absent,
        float(len(unmet)),
        top.features["fits_kind"],
    )
    columns = dict(zip(ANSWERABILITY_COLUMNS, values, strict=True))
    if "similarity" in top.features:
        near = (
            max(s.features["similarity"] for s in ranked),
            top.features["similarity"],
            max(s.features["similarity_wide"] for s in ranked),
        )
        columns |= dict(zip(SIMILARITY_COLUMNS, near, strict=True))
    if "read" in top.features:
        read = sorted((s.features["read"] for s in ranked), reverse=True)
        columns |= dict(zip(READ_COLUMNS, (read[0], top.features["read"], read[min(1, len(read) - 1)]), strict=True))
    return columns
