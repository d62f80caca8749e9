"""The pipeline in the tables of answers and summaries, beside its baselines."""

from __future__ import annotations

import json
from pathlib import Path

from longdoc.bench import systems
from longdoc.core.settings import AskOptions, ModelOptions

TOWNS = {
    "set_Alder": "Alder lies on the river Wend. Its mill was built in 1780 by Ruth Marsh. The bridge sank in 1931.",
    "set_Birch": "Birch stands on a hill. Its market is held on Mondays. The tower was painted by Otto Klein.",
}


def write_rows(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_the_pipeline_answers_beside_bm25_and_the_rankers(options: ModelOptions, tmp_path: Path) -> None:
    asked = {
        "set_Alder": ("Who built the mill of Alder?", "Ruth Marsh"),
        "set_Birch": ("Who painted the tower?", "Otto Klein"),
    }
    rows = [
        {"source": f"s{i}", "doc_id": name, "context": text, "question": asked[name][0], "answers": [asked[name][1]]}
        for i, (name, text) in enumerate(TOWNS.items())
    ]
    result = systems.run_qa(
        options,
        [write_rows(tmp_path / "qa.jsonl", rows)],
        ask_options=AskOptions(),
        num_questions=5,
        max_words=1000,
        held_out_only=False,
    )
    found = {(row["source"], row["system"]): row for row in result["results"]}
    assert set(found) == {(source, system) for source in ("s0", "s1") for system in ("bm25", "lexical", "longdoc")}
    assert all(row["evidence_at_5"] == 1 for row in found.values())
    assert result["bench"] == "qa"
    assert result["decline_below"] == 0.5


def test_the_pipeline_summarizes_beside_leads_and_rankers(options: ModelOptions, tmp_path: Path) -> None:
    rows = [
        {"source": "towns", "doc_id": name, "title": name[4:], "document": text, "summary": text.split(". ")[1]}
        for name, text in TOWNS.items()
    ]
    result = systems.run_summaries(
        options,
        [write_rows(tmp_path / "s.jsonl", rows)],
        verbatim=None,
        max_documents=5,
        held_out_only=False,
    )
    assert [row["system"] for row in result["results"]] == ["lead", "central", "ranked", "longdoc"]
    ours = result["results"][-1]
    assert ours["num_documents"] == 2
    assert sum(ours["drawn_from"]) > 0.98  # spans of the document, not loose text
    assert ours["citation_accuracy"] == ours["citation_coverage"] == ours["sections_told"] == 1


def test_a_text_is_read_once_for_all_its_questions(options: ModelOptions) -> None:
    session = systems.TextSession(options)
    session.put("town", TOWNS["set_Alder"], None)
    reading = session.read("town", None, lambda event: None)  # type: ignore[arg-type]
    assert session.read("town", None, lambda event: None) is reading  # type: ignore[arg-type]
    session.put("town", TOWNS["set_Birch"], None)
    assert session.read("town", None, lambda event: None) is not reading  # type: ignore[arg-type]
