"""Memory does not grow with the document: measured on processes of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import tiny

from longdoc.pipeline.session import Session

READ = """
import sys
from longdoc.core.settings import ModelOptions, SourceOptions, SummaryOptions
from longdoc.engine.machine import peak_resident_bytes
from longdoc.pipeline.summarize import summarize
options = ModelOptions(sys.argv[1], offline=True, device="cpu", threads=1, segment_tokens=256)
chosen = {"source_options": SourceOptions(), "model_options": options, "options": SummaryOptions()}
summary = summarize(sys.argv[2], **chosen)
print(summary.receipt.tokens_read, peak_resident_bytes())
"""


def read_in_a_process(model: str, source: Path, environment: dict[str, str]) -> tuple[int, int]:
    """Tokens read for a summary, and the peak resident set."""
    command = [sys.executable, "-c", READ, model, str(source)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    num_tokens, peak = map(int, done.stdout.split())
    return num_tokens, peak


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_four_times_the_text_takes_hardly_more_memory(
    tmp_path: Path, pointing: Session, child_environment: dict[str, str]
) -> None:
    measured = []
    for num_sentences in (5_000, 20_000):
        source = tmp_path / f"{num_sentences}.txt"
        source.write_text(tiny.prose(num_sentences))
        measured.append(read_in_a_process(pointing.options.model, source, child_environment))
    (few, small), (many, large) = measured
    assert few > 95_000
    assert many > 3.9 * few
    assert large <= 1.1 * small
