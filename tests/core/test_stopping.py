"""Ctrl-C in two steps."""

from __future__ import annotations

import pytest

from longdoc.core.errors import Interrupted, StoppedNow, Terminated
from longdoc.core.events import ModelLoading, Opening, SegmentRead, Step
from longdoc.core.stopping import Stopper

SEGMENT = SegmentRead(1, 2, 1.0, None, 0)


def test_the_first_ctrl_c_lets_the_step_end() -> None:
    stopper = Stopper()
    stopper(Step())
    stopper.ask()
    stopper(SEGMENT)
    with pytest.raises(Interrupted):
        stopper(Step())


def test_the_second_ctrl_c_stops_at_once_also_while_the_work_ends() -> None:
    stopper = Stopper()
    stopper(Step())
    stopper.ask()
    with pytest.raises(StoppedNow):
        stopper.ask()
    with pytest.raises(Interrupted):
        stopper(Step())
    with pytest.raises(StoppedNow):
        stopper.ask()


@pytest.mark.parametrize("before", [[], [Opening("a.pdf")], [Step(), Step(follows=False)], [Step(), Opening("b.pdf")]])
def test_where_there_are_no_steps_the_first_stops_at_once(before: list[Step | Opening]) -> None:
    stopper = Stopper()
    for event in before:
        stopper(event)
    with pytest.raises(Interrupted) as raised:
        stopper.ask()
    assert not isinstance(raised.value, Terminated)


def test_what_needs_no_more_steps_is_finished_and_nothing_else_is_begun() -> None:
    stopper = Stopper()
    stopper(Step())
    stopper.ask()
    stopper(Step(follows=False))
    with pytest.raises(Interrupted):
        stopper(ModelLoading("embedded"))


def test_sigterm_goes_the_same_way_under_its_own_name() -> None:
    stopper = Stopper()
    stopper(Step())
    stopper.ask(terminated=True)
    with pytest.raises(Terminated):
        stopper(Step())
    with pytest.raises(Terminated):
        stopper.ask(terminated=True)


def test_nothing_is_stopped_that_nobody_asked_to_stop() -> None:
    stopper = Stopper()
    for event in [Opening("a"), ModelLoading("m"), Step(), SEGMENT, Step(), Step(follows=False)]:
        stopper(event)
    assert not stopper.was_asked
