"""The times of a reading, and the places of quotes."""

from __future__ import annotations

from longdoc.core.events import ModelLoaded, Opening, SegmentRead, StateUsed, Writing
from longdoc.core.types import SummaryPart
from longdoc.output.timeline import Reading, Recorder, curve, document_map


class Clock:
    """Seconds that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def read(tokens: int) -> SegmentRead:
    return SegmentRead(tokens, 90, 1.0, None, 1)


def test_a_reading_begins_when_the_model_is_there_and_ends_with_the_result() -> None:
    clock = Clock()
    recorder = Recorder(clock)
    for at_s, event in ((100, Opening("a")), (103, ModelLoaded("m", 1, 1.0, "")), (105, read(30)), (106, read(90))):
        clock.now = at_s
        recorder(event)
    clock.now = 110
    assert recorder.take() == Reading(((3, 0), (5, 30), (6, 90)), 90, 10)
    assert recorder.take() is None  # it starts anew


def test_what_a_state_holds_is_there_from_the_start() -> None:
    clock = Clock()
    recorder = Recorder(clock)
    recorder(StateUsed("s", 60, 90))
    recorder(ModelLoaded("m", 1, 1.0, ""))
    clock.now = 104
    recorder(read(90))
    assert recorder.take() == Reading(((0, 60), (4, 90)), 90, 4)


def test_nothing_is_drawn_of_what_was_not_read() -> None:
    recorder = Recorder(Clock())
    recorder(StateUsed("s", 90, 90))
    recorder(Writing("answer", 1, 1))
    assert recorder.take() is None


def test_passages_that_are_read_again_do_not_turn_the_curve_back() -> None:
    recorder = Recorder(Clock())
    for event in (read(30), read(90), read(10)):
        recorder(event)
    reading = recorder.take()
    assert reading is not None
    assert [tokens for _, tokens in reading.points] == [0, 30, 90]


def test_a_long_reading_is_thinned_and_keeps_its_ends() -> None:
    points = tuple((float(n), n) for n in range(5_001))
    drawn = curve(Reading(points, 5_000, 5_000.0))
    along = drawn.line.split()
    assert len(along) <= 205
    assert (along[0], along[-1]) == ("0,100", "1000,0")
    assert (drawn.begin, drawn.end) == (0, 1000)


def test_a_map_has_a_field_for_each_part_and_one_mark_for_each_place() -> None:
    parts = [SummaryPart("One", (), 0, 100), SummaryPart("Two", (), 100, 400)]
    found = document_map(parts, [200, 200, 399, 500])
    assert found is not None
    assert [(band.x, band.width, band.number) for band in found.bands] == [(0, 250, 1), (250, 750, 2)]
    assert found.marks == (500, 997.5)
    assert document_map([], [3]) is None
