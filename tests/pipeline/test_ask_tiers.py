"""Which tier an answer came from, and answers with tiers switched off: the shipped model, and models with a script."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from made_books import FACTS

from longdoc.core import needles
from longdoc.core.events import Event, StateKept, StateUsed
from longdoc.core.settings import AskOptions, ModelOptions, SourceOptions, StateOptions
from longdoc.core.types import Answer
from longdoc.engine.ablation import held_tiers, without
from longdoc.engine.reader import Reader, ReadingState
from longdoc.pipeline import recall
from longdoc.pipeline.ask import ask
from longdoc.pipeline.provenance import window_start
from longdoc.pipeline.session import Session

KEY, CODE = "48213", "70419"
PASS_KEY, CODE_OF_ARDEN = "What is the pass key?", "what is the code of Arden"
QUESTION = "Who built the lighthouse of Corran?"


def run(source: Path, questions: list[str], session: Session, *, search: bool = False, **changes: Any) -> list[Answer]:
    return ask(
        str(source),
        questions,
        source_options=SourceOptions(),
        model_options=session.options,
        options=AskOptions(search=search, verbatim=changes.pop("verbatim", None)),
        session=session,
        **changes,
    )


@pytest.fixture(scope="module")
def shipped() -> Session:
    """The embedded model."""
    session = Session(ModelOptions(offline=True, device="cpu"))
    session.load(lambda event: None)
    return session


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A number far outside the window, and one within it."""
    path = tmp_path_factory.mktemp("keys") / "keys.txt"
    novel = (Path(__file__).parents[2] / "samples/the-thirty-nine-steps.txt").read_text(encoding="utf-8")
    before, between, after = novel[20_000:21_000], novel[21_000:33_000], novel[33_000:33_800]
    path.write_text("".join([before, needles.told(None, KEY), between, needles.told("Arden", CODE), after]))
    return path


def like(session: Session, **changes: Any) -> Session:
    """The same model, with other options."""
    other = Session(replace(session.options, **changes))
    other._loaded = session.loaded
    return other


def test_the_shipped_models_memory_tells_a_number_that_is_then_found_in_the_text(shipped: Session, keys: Path) -> None:
    told, near, _ = answers = run(keys, [PASS_KEY, CODE_OF_ARDEN, "What is the code of Marlow?"], shipped)
    assert [answer.text for answer in answers] == [KEY, CODE, ""]
    assert f"The pass key is {KEY}." in told.citations[0].quote
    assert f"The code of Arden is {CODE}." in near.citations[0].quote
    assert told.provenance == ("memory",)
    assert near.provenance == ("window", "memory")  # it stands in both, and this model finds it in its memory
    assert not told.evidence
    assert answers[2].status == "not_found"


def test_without_its_memory_it_knows_neither(shipped: Session, keys: Path) -> None:
    for answer in run(keys, [PASS_KEY, CODE_OF_ARDEN], like(shipped, memory=False)):
        assert (answer.status, answer.text, answer.provenance) == ("not_found", "", ())
        assert answer.not_found_in == "memory"


def test_with_the_search_the_same_question_is_answered_by_it(shipped: Session, keys: Path) -> None:
    for session in (shipped, like(shipped, memory=False)):
        (answer,) = run(keys, [PASS_KEY], session, search=True)
        assert KEY in answer.text
        assert answer.provenance == ("search",)
        assert answer.evidence


def test_the_embedded_model_says_what_it_cannot_be_asked_without_the_search(shipped: Session, keys: Path) -> None:
    (answer,) = run(keys, ["Who came to the harbour?"], shipped)
    assert (answer.status, answer.receipt.warnings[-1:]) == ("not_found", (recall.NUMBERS_ONLY,))
    assert answer.not_found_in == "memory"


def scripted(session: Session, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    def write(_reader: Reader, _state: Any, **_: Any) -> Iterator[int]:
        yield from (token for token, _, _ in session.encode(text))

    monkeypatch.setattr(Reader, "write", write)


def sure(monkeypatch: pytest.MonkeyPatch, nats: float = 0.0, *, without_memory: float = 0.0) -> None:
    """What is written has the log-probability `nats`, or another where the memory is off."""

    def score(_: Reader, state: ReadingState, rows: Any) -> list[torch.Tensor]:
        value = nats if state.cache.use_memory else without_memory
        return [torch.full((len(row),), value / len(row)) for row in rows]

    monkeypatch.setattr(Reader, "score", score)


def test_a_number_that_does_not_stand_in_the_text_has_no_citation_and_says_so(
    shipped: Session, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(shipped, monkeypatch, " 99999")
    sure(monkeypatch)
    (answer,) = run(keys, [PASS_KEY], shipped)
    assert (answer.status, answer.text, answer.citations) == ("answered", "99999", ())
    assert answer.receipt.warnings[-1] == recall.UNCITED


@pytest.mark.parametrize(("text", "nats"), [(" 48213", -0.1), (" 482", 0.0), (" the", 0.0), ("", 0.0), (" 4a213", 0.0)])
def test_a_number_that_is_not_sure_or_none_is_no_answer(
    text: str, nats: float, shipped: Session, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(shipped, monkeypatch, text)
    sure(monkeypatch, nats)
    (answer,) = run(keys, [PASS_KEY], shipped)
    assert (answer.status, answer.text, answer.provenance) == ("not_found", "", ())


@pytest.mark.parametrize(("fall", "tiers"), [(-9.0, ("memory",)), (-0.9, ()), (0.0, ()), (2.0, ())])
def test_a_tier_is_named_when_the_answer_is_less_likely_without_it(
    fall: float, tiers: tuple[str, ...], shipped: Session, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(shipped, monkeypatch, f" {KEY}")
    sure(monkeypatch, -0.01, without_memory=-0.01 + fall)
    (answer,) = run(keys, [PASS_KEY], shipped)
    assert (answer.text, answer.provenance) == (KEY, tiers)


def test_a_model_that_writes_answers_from_its_state_and_the_quote_is_found_afterwards(
    book: Path, writing: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(writing, monkeypatch, "Magnus Ferrier")
    (answer,) = run(book, [QUESTION], writing)
    assert (answer.status, answer.text) == ("answered", "Magnus Ferrier")
    assert [" ".join(citation.quote.split()) for citation in answer.citations] == [FACTS[0]]
    assert not answer.evidence
    assert "chat/recall" in answer.receipt.prompts
    assert "chat/answer" not in answer.receipt.prompts


@pytest.mark.parametrize("said", ["Queen Victoria", "Agnes Ferrier", "the", "A committee of seven elderly bishops."])
def test_words_that_do_not_stand_beside_the_questions_have_no_citation(
    said: str, book: Path, writing: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(writing, monkeypatch, said)
    (answer,) = run(book, [QUESTION], writing)
    assert (answer.status, answer.text, answer.citations) == ("answered", said, ())
    assert answer.receipt.warnings[-1] == recall.UNCITED
    (verbatim,) = run(book, [QUESTION], writing, verbatim=True)
    assert (verbatim.status, verbatim.text) == ("not_found", "")


def test_verbatim_without_the_search_says_the_sentence_that_was_located(
    book: Path, writing: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(writing, monkeypatch, "It was Magnus Ferrier who built the Corran lighthouse, in 1811.")
    (answer,) = run(book, [QUESTION], writing, verbatim=True)
    assert (answer.text, answer.verbatim) == (FACTS[0], True)


def test_what_a_model_declines_is_not_in_the_document(
    book: Path, writing: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(writing, monkeypatch, "Not in the document.")
    (answer,) = run(book, [QUESTION], writing)
    assert (answer.status, answer.text, answer.provenance) == ("not_found", "", ())


def test_the_window_holds_the_last_tokens_beside_a_request(keys: Path, shipped: Session) -> None:
    session = like(shipped, window=64)
    run(keys, [PASS_KEY], session)
    reading = session.last_reading
    assert reading is not None
    text = reading.document.text
    assert len(reading.framing.encode(text[window_start(reading, 14) :])) == 50
    assert window_start(reading, 64) == len(text)
    exact = like(shipped, attention="exact")
    run(keys, [], exact)
    assert exact.last_reading is not None
    assert window_start(exact.last_reading, 10_000) == 0


def test_a_state_without_a_tier_has_nothing_of_it_and_the_state_itself_stays(book: Path, pointing: Session) -> None:
    session = like(pointing, highlights=8, window=32)
    run(book, [], session)
    reading = session.last_reading
    assert reading is not None
    state, ids = reading.state, reading.framing.encode(QUESTION)
    assert held_tiers(state) == ("highlights", "memory")
    as_it_is = reading.reader.read(state, ids).logits
    assert as_it_is is not None
    for tier in held_tiers(state):
        poorer = without(state, tier)
        assert tier not in held_tiers(poorer)
        logits = reading.reader.read(poorer, ids).logits
        assert logits is not None
        assert not torch.allclose(logits, as_it_is, atol=1e-4)
    assert held_tiers(state) == ("highlights", "memory")
    again = reading.reader.read(state, ids).logits
    assert again is not None
    assert torch.equal(again, as_it_is)


def test_a_reading_without_memory_is_kept_beside_the_other(keys: Path, shipped: Session, folder: Path) -> None:
    events: list[Event] = []
    for memory in (True, False, True, False):
        session = like(shipped, memory=memory)
        session.states = StateOptions(str(folder))
        (answer,) = run(keys, [PASS_KEY], session, on_event=events.append)
        assert answer.text == (KEY if memory else "")
    kept = [event.name for event in events if isinstance(event, StateKept)]
    used = [event.name for event in events if isinstance(event, StateUsed)]
    assert used == list(dict.fromkeys(kept))
    assert len(used) == 2
