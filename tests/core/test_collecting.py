"""The collector's thresholds around the import of libraries."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from longdoc.core.collecting import loaded, loading


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_what_was_imported_is_frozen_and_the_thresholds_come_back() -> None:
    before = gc.get_threshold()
    loading()
    assert gc.get_threshold() != before
    loaded()
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() > 0


def test_a_program_that_imports_us_keeps_its_own() -> None:
    gc.set_threshold(123, 4, 5)
    frozen = gc.get_freeze_count()
    loaded()
    assert gc.get_threshold() == (123, 4, 5)
    assert gc.get_freeze_count() == frozen
