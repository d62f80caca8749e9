"""Plans: the tokens that are then read, the tree of sections, and speeds that were measured or are not said."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import tiny
from kept import session_of
from made_books import write_text

from longdoc.core.events import SegmentRead, StateUsed
from longdoc.core.plans import MeasuredSpeed, Plan
from longdoc.core.settings import SourceOptions
from longdoc.core.types import ModelInfo
from longdoc.engine.machine import running_s
from longdoc.ingest import together
from longdoc.pipeline import speeds
from longdoc.pipeline.plan import plan
from longdoc.pipeline.session import Session

SPEED = MeasuredSpeed(1000.0, 6000, 450_000_000, "2026-01-02T03:04:05+00:00")
INFO = ModelInfo("embedded", adapter="memory")


def planned(model: Session, source: Path, folder: Path, **chosen: str) -> Plan:
    found = together([str(source)]) or str(source)
    return plan(found, source_options=SourceOptions(**chosen), model_options=model.options, state_dir=str(folder))


@pytest.mark.parametrize("kind", ["text", "pdf", "vtt"])
@pytest.mark.parametrize("model", ["pointing", "writing"])
def test_the_tokens_are_those_that_are_then_read(
    kind: str, model: str, sources: dict[str, Path], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    session: Session = request.getfixturevalue(model)
    made = planned(session, sources[kind], tmp_path)
    quiet = session_of(session, None)
    reading = quiet.read(str(sources[kind]), SourceOptions(), lambda event: None)
    receipt = reading.receipt({})
    assert made.num_tokens == receipt.num_tokens == receipt.tokens_read
    by_part = quiet.read(str(sources[kind]), SourceOptions(), lambda event: None, lambda *part: None).receipt({})
    assert by_part.num_tokens == by_part.tokens_read == made.num_tokens
    assert (made.model, made.attention, made.segment_tokens) == (
        receipt.model,
        receipt.attention,
        reading.plan.segment_tokens,
    )
    assert made.num_pages == receipt.num_pages
    assert not any(tmp_path.iterdir())


def test_sections_have_numbers_tokens_and_places(pointing: Session, sources: dict[str, Path], tmp_path: Path) -> None:
    made = planned(pointing, sources["text"], tmp_path)
    assert [s.number for s in made.sections] == [1, 2, 3]
    assert sum(s.num_tokens for s in made.sections) == made.num_tokens
    part = planned(pointing, sources["text"], tmp_path, sections="2-3")
    assert abs(part.num_tokens - made.sections[1].num_tokens - made.sections[2].num_tokens) <= 2
    assert part.source.selection is not None
    pages = planned(pointing, sources["pdf"], tmp_path, pages="2-3")
    assert 0 < pages.num_tokens < planned(pointing, sources["pdf"], tmp_path).num_tokens


def test_a_folder_is_planned_as_one(pointing: Session, tmp_path: Path) -> None:
    (tmp_path / "book").mkdir()
    for name in ("1.md", "2.md"):
        write_text(tmp_path / "book" / name)
    made = planned(pointing, tmp_path / "book", tmp_path / "states")
    assert [file.source.name for file in made.files] == [str(tmp_path / "book" / name) for name in ("1.md", "2.md")]
    assert [s.level for s in made.sections] == [1, 2, 2, 2] * 2


def test_a_speed_is_measured_kept_and_used(
    pointing: Session, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "long.txt"
    source.write_text(tiny.prose(250, seed=3))
    assert planned(pointing, source, folder).speed is None
    assert planned(pointing, source, folder).seconds is None
    session = session_of(pointing, folder)
    reading = session.read(str(source), SourceOptions(), lambda event: None)
    assert reading.num_tokens > speeds.LEAST_TOKENS
    made = planned(pointing, source, folder)
    assert made.speed is not None
    assert made.speed.num_tokens == reading.num_tokens
    assert made.speed.read_s(reading.num_tokens) == pytest.approx(reading.read_seconds, rel=0.01)
    assert made.seconds == made.opening_s + (made.speed.start_s or 0) + made.speed.read_s(reading.num_tokens)
    assert (folder / speeds.FILE).stat().st_mode & 0o777 == 0o600
    text = (folder / speeds.FILE).read_text()
    assert "long.txt" not in text
    session_of(pointing, folder).read(str(source), SourceOptions(), lambda event: None)  # from its state: not measured
    assert (folder / speeds.FILE).read_text() == text


def test_without_states_no_speed_is_kept(pointing: Session, tmp_path: Path) -> None:
    source = tmp_path / "long.txt"
    source.write_text(tiny.prose(250, seed=3))
    session = session_of(pointing, None)
    assert session.states is None
    session.read(str(source), SourceOptions(), lambda event: None)
    assert [path.name for path in tmp_path.iterdir()] == ["long.txt"]


def test_speeds_are_told_apart_by_model_device_and_mode(tmp_path: Path) -> None:
    speeds.remember(tmp_path, INFO, "cpu", "stream", SPEED)
    assert speeds.recall(tmp_path, INFO, "cpu", "stream") == SPEED
    assert speeds.recall(tmp_path, INFO, "cuda", "stream") is None
    assert speeds.recall(tmp_path, INFO, "cpu", "exact") is None
    assert speeds.recall(tmp_path, ModelInfo("embedded", quantization="nf4", adapter="memory"), "cpu", "stream") is None


def test_an_exact_readings_seconds_grow_with_the_square() -> None:
    pace = speeds.Pace(lambda event: None)
    for tokens in range(1000, 10_001, 1000):
        seconds = 1e-3 * tokens + 2e-7 * tokens**2
        pace(SegmentRead(tokens, 10_000, tokens / seconds, None, 0))
    assert pace.quadratic_s() == pytest.approx(2e-7)
    measured = replace(SPEED, tokens_per_s=10_000 / 30.0, num_tokens=10_000, quadratic_s=pace.quadratic_s())
    assert measured.read_s(10_000) == pytest.approx(30.0)
    assert measured.read_s(20_000) == pytest.approx(20 + 80)
    even = speeds.Pace(lambda event: None)
    for tokens in (500, 1000):
        even(SegmentRead(tokens, 1000, 100.0, None, 0))
    assert even.quadratic_s() == 0
    even(StateUsed("a", 5, 10))  # the seconds are not those of all its tokens
    pace(StateUsed("a", 5, 10))
    assert pace.quadratic_s() == 0


def test_a_program_that_had_waited_does_not_count_that_as_its_start() -> None:
    assert speeds.start_s(5.0, 1.0) == 5.0
    assert speeds.start_s(3000.0, 200.0) == 200.0
    assert 0 < (running_s() or 0.0) < 100_000


def test_speeds_that_an_older_version_kept_are_used(tmp_path: Path) -> None:
    row = {key: value for key, value in asdict(SPEED).items() if key not in {"start_s", "quadratic_s"}}
    speeds.remember(tmp_path, INFO, "cpu", "stream", SPEED)
    kept = json.loads((tmp_path / speeds.FILE).read_text())
    kept["speeds"] = dict.fromkeys(kept["speeds"], row)
    (tmp_path / speeds.FILE).write_text(json.dumps(kept))
    assert speeds.recall(tmp_path, INFO, "cpu", "stream") == SPEED


@pytest.mark.parametrize("damage", ["", "{", "[1]", '{"schema": "longdoc.speeds/1", "speeds": [3]}', '{"speeds": {}}'])
def test_a_damaged_file_of_speeds_is_no_error(tmp_path: Path, damage: str) -> None:
    (tmp_path / speeds.FILE).write_text(damage)
    assert speeds.recall(tmp_path, INFO, "cpu", "stream") is None
    speeds.remember(tmp_path, INFO, "cpu", "stream", SPEED)
    assert speeds.recall(tmp_path, INFO, "cpu", "stream") == SPEED


def test_short_readings_and_folders_that_cannot_be_written_are_no_error(tmp_path: Path) -> None:
    speeds.remember(tmp_path, INFO, "cpu", "stream", MeasuredSpeed(9.0, speeds.LEAST_TOKENS, 1, "now"))
    assert not any(tmp_path.iterdir())
    (tmp_path / "file").write_text("")
    speeds.remember(tmp_path / "file", INFO, "cpu", "stream", SPEED)
    speeds.remember(tmp_path, INFO, "cpu", "stream", SPEED)
    assert json.loads((tmp_path / speeds.FILE).read_text())["schema"] == speeds.SCHEMA
