"""`longdoc bench pdf`: both readers in one run, and the memory that reading takes beyond the readers themselves."""

from __future__ import annotations

from pathlib import Path

from reportlab.pdfgen.canvas import Canvas

from longdoc.bench import pdf as bench
from longdoc.bench.report import markdown


def test_seconds_of_both_readers_and_the_peak_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    canvas = Canvas(str(path))
    for page in range(3):
        canvas.drawString(60, 700, f"This is the only line of the page with the index {page}.")
        canvas.showPage()
    canvas.save()
    result = bench.run(path, num_runs=1)
    assert [row["reader"] for row in result["results"]] == ["longdoc", "pypdf extract_text"]
    assert result["pages"] == 3
    assert 20e6 < result["start_memory_bytes"] < 100e6
    assert 20e6 < result["peak_memory_bytes"] < 100e6
    assert result["bytes_a_character"] >= 0.0
    assert "- peak memory: " in markdown(result)
