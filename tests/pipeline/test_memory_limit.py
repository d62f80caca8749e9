"""A memory limit: readings have the sizes that the plan prints for it, and are refused where it finds none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny

from longdoc.core.batch import BatchTask, Item
from longdoc.core.errors import OutOfMemory
from longdoc.core.events import ignore
from longdoc.core.settings import AskOptions, ModelOptions, SourceOptions, SummaryOptions
from longdoc.engine.fitting import needs
from longdoc.engine.outline import outline
from longdoc.engine.plan import plan_reading
from longdoc.pipeline.ask import ask
from longdoc.pipeline.batch_work import make
from longdoc.pipeline.plan import plan
from longdoc.pipeline.session import Session
from longdoc.pipeline.summarize import summarize

STREAM = {"attention": "stream"}
WAYS: list[dict[str, Any]] = [
    STREAM,
    STREAM | {"kv_bits": 8},
    *(STREAM | {"kv_bits": 8, "window": window, "segment_tokens": window} for window in (1024, 512, 256)),
]


@pytest.fixture(scope="module")
def long_book(tmp_path_factory: pytest.TempPathFactory) -> str:
    """More tokens than the model's native context."""
    path = tmp_path_factory.mktemp("long") / "book.txt"
    path.write_text(tiny.prose(300))
    return str(path)


@pytest.fixture
def stock(writing: Session) -> ModelOptions:
    """A random stock model, whose sizes are open."""
    return replace(writing.options, attention="auto")


def limits(options: ModelOptions, source: str) -> list[int]:
    """Just what each way of reading takes, from the one that takes most."""
    model = outline(options)
    planned = plan(source, source_options=SourceOptions(), model_options=options, model=model)
    text = Path(source).read_text()
    takes = []
    for way in WAYS:
        chosen = replace(options, **way)
        reading = plan_reading(model, chosen, planned.num_tokens)
        takes.append(
            needs(model, reading, planned.num_tokens, text).total + 1_000
        )  # the text is trimmed when it is read
    return sorted({*takes}, reverse=True)


def test_a_reading_has_the_sizes_that_the_plan_prints(stock: ModelOptions, long_book: str) -> None:
    told = set()
    for most_bytes in [10**12, *limits(stock, long_book)]:
        planned = plan(long_book, source_options=SourceOptions(), model_options=stock, memory_limit=most_bytes)
        session = Session(replace(stock, memory_limit=most_bytes))
        reading = session.read(long_book, SourceOptions(), ignore)
        assert reading.plan.info == planned.attention
        assert reading.plan.segment_tokens == planned.segment_tokens
        receipt = reading.receipt({})
        for flag in planned.flags:
            name, value = flag.removeprefix("--").split(" ")
            name = {"kv-bits": "kv_bits", "segment": "segment_tokens"}.get(name, name)
            assert str(receipt.settings[name]) == value
        assert receipt.settings["memory_limit"] == most_bytes
        told.add((planned.attention.window, planned.flags))
    assert len(told) == len(WAYS)  # each limit leads to other sizes


def test_what_does_not_fit_is_refused_as_by_the_plan(stock: ModelOptions, long_book: str) -> None:
    limited = replace(stock, memory_limit=50_000_000)
    with pytest.raises(OutOfMemory) as planned:
        plan(long_book, source_options=SourceOptions(), model_options=stock, memory_limit=50_000_000)
    with pytest.raises(OutOfMemory, match="within 50 MB") as summarized:
        summarize(long_book, source_options=SourceOptions(), model_options=limited, options=SummaryOptions())
    with pytest.raises(OutOfMemory) as asked:
        ask(long_book, ["Who?"], source_options=SourceOptions(), model_options=limited, options=AskOptions())
    assert str(planned.value) == str(summarized.value) == str(asked.value)


def test_in_a_batch_each_document_has_its_own_sizes(stock: ModelOptions, long_book: str, tmp_path: Path) -> None:
    short = tmp_path / "short.txt"
    short.write_text(tiny.prose(8))
    most_bytes = limits(stock, long_book)[-1]
    task = BatchTask(model=replace(stock, memory_limit=most_bytes), summary=SummaryOptions(words=20), forms=("json",))
    session = Session(task.model)
    session.load(ignore)  # before any document is known
    made = [make(Item(name, name), task, session, ignore) for name in (long_book, str(short))]
    assert [each.status for each in made] == ["complete", "complete"]
    modes = ['"mode": "stream"' in each.pages["json"] for each in made]
    assert modes == [True, False]  # what is short is read exactly within the same limit


def test_what_the_user_chose_stays(stock: ModelOptions, long_book: str) -> None:
    most_bytes = limits(stock, long_book)[-1]
    with pytest.raises(OutOfMemory):
        Session(replace(stock, memory_limit=most_bytes, window=2048)).read(long_book, SourceOptions(), ignore)
    session = Session(replace(stock, memory_limit=10**12, window=777, attention="stream"))
    assert session.read(long_book, SourceOptions(), ignore).plan.info.window == 777
