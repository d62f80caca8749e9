"""Results and events as JSON. The shapes are a contract: `schemas/` holds them, additions keep the number.

Knows nothing of files. `dumps` escapes the characters that JSON allows raw and that would hurt:
U+2028, U+2029 and U+0085 break lines for many readers of JSONL, DEL and C1 steer terminals.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import asdict
from importlib.resources import files
from typing import Any

from longdoc.core.errors import BUG_EXIT_CODE, LongdocError
from longdoc.core.events import Event
from longdoc.core.types import Answer, Citation, Evidence, File, Focus, Receipt, Statement, Summary

SUMMARY_SCHEMA = "longdoc.summary/1"
ANSWER_SCHEMA = "longdoc.answer/1"

Json = dict[str, Any]

_RISKY = re.compile("[\x7f-\x9f\u2028\u2029]")


def dumps(value: object, *, indent: int | None = None) -> str:
    """JSON in UTF-8 text, on one line unless `indent` is given."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    return _RISKY.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def schema(schema_id: str) -> Json:
    """The JSON Schema of `longdoc.summary/1`, `longdoc.answer/1` or `longdoc.plan/1`."""
    name = schema_id.removeprefix("longdoc.").replace("/", "-") + ".json"
    loaded: Json = json.loads(files("longdoc.output").joinpath("schemas", name).read_text(encoding="utf-8"))
    return loaded


def summary_json(summary: Summary) -> Json:
    """`longdoc.summary/1`."""
    receipt = summary.receipt
    return {
        "schema": SUMMARY_SCHEMA,
        "status": summary.status,
        "source": _source(receipt),
        "sources": _sources(receipt),
        "summary": summary.text,
        "statements": [_statement(s) for s in summary.statements],
        "parts": [
            {
                "title": part.title,
                "text": part.text,
                "start": part.start,
                "end": part.end,
                "citations": [citation_json(c) for s in part.statements for c in s.citations],
                "statements": [_statement(s) for s in part.statements],
            }
            for part in summary.parts
        ],
        "verbatim": summary.verbatim,
        "style": summary.style,
        "focus": _focus(summary.focus),
        **_by(receipt),
        "citations": asdict(summary.citations),
        "prompts": dict(receipt.prompts),
        "settings": dict(receipt.settings),
        "stats": _stats(receipt),
        "error": None,
    }


def answer_json(answer: Answer) -> Json:
    """`longdoc.answer/1`."""
    receipt = answer.receipt
    return {
        "schema": ANSWER_SCHEMA,
        "status": answer.status,
        "question": answer.question,
        "answer": answer.text,
        "citations": [citation_json(c) for c in answer.citations],
        "evidence": [_evidence(e) for e in answer.evidence],
        "provenance": list(answer.provenance),
        "not_found_in": answer.not_found_in,
        "sure": answer.sure,
        "verbatim": answer.verbatim,
        "source": _source(receipt),
        "sources": _sources(receipt),
        **_by(receipt),
        "prompts": dict(receipt.prompts),
        "settings": dict(receipt.settings),
        "stats": _stats(receipt),
        "error": None,
    }


def failed_summary(source: str, error: Exception) -> Json:
    """The row of a source, among several, that could not be summarized."""
    return {"schema": SUMMARY_SCHEMA, "status": "failed", "source": {"path": source}, "error": error_json(error)}


def failed_answers(source: str, questions: Iterable[str], error: Exception) -> list[Json]:
    """The rows of a source, among several, that could not be asked: one for each question."""
    return [
        {
            "schema": ANSWER_SCHEMA,
            "status": "failed",
            "question": question,
            "source": {"path": source},
            "error": error_json(error),
        }
        for question in questions
    ]


def error_json(error: Exception) -> Json:
    """What, why and what to do, as on the terminal."""
    if isinstance(error, LongdocError):
        return {"what": error.what, "why": error.why, "fix": error.fix, "exit_code": error.exit_code}
    what = f"{type(error).__name__}: {error}"
    return {"what": what, "why": "this is a bug in longdoc", "fix": None, "exit_code": BUG_EXIT_CODE}


def event_json(event: Event) -> Json:
    """`{"event": "segment_read", "tokens_read": ...}`: the fields of the event under its name."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(event).__name__).lower()
    return {"event": name, **_finite(asdict(event))}


def citation_json(citation: Citation) -> Json:
    """CITATION of the schemas."""
    return asdict(citation)


def _statement(statement: Statement) -> Json:
    return {"text": statement.text, "citations": [citation_json(c) for c in statement.citations]}


def _focus(focus: Focus | None) -> Json | None:
    if focus is None:
        return None
    return {"asked": focus.asked, "sentences": focus.num_sentences, "missing": list(focus.missing)}


def _evidence(evidence: Evidence) -> Json:
    citation = citation_json(evidence.citation)
    del citation["verified"]
    return {"text": citation.pop("quote"), "score": _finite(evidence.score), **citation}


def _source(receipt: Receipt) -> Json:
    return {
        "path": receipt.source.name,
        "sha256": receipt.source.sha256,
        "format": receipt.source.format,
        "bytes": receipt.source.num_bytes,
        "title": receipt.title,
        "pages": receipt.num_pages,
        "pages_skipped": [asdict(page) for page in receipt.skipped],
        "selection": receipt.source.selection,
        "tokens": receipt.num_tokens,
        "tokens_read": receipt.tokens_read,
        "tokens_from_state": receipt.tokens_from_state,
        "warnings": list(receipt.warnings),
        "lost": list(receipt.source.lost),
    }


def _sources(receipt: Receipt) -> list[Json]:
    """Each file that was read: one, unless several were read as one document."""
    whole = File(receipt.source, 0, 0, receipt.title, receipt.num_pages, receipt.num_tokens)
    return [
        {
            "path": file.source.name,
            "sha256": file.source.sha256,
            "format": file.source.format,
            "bytes": file.source.num_bytes,
            "title": file.title,
            "pages": file.num_pages,
            "tokens": file.num_tokens,
        }
        for file in receipt.files or (whole,)
    ]


def _by(receipt: Receipt) -> Json:
    return {"model": asdict(receipt.model), "attention": asdict(receipt.attention)}


def _stats(receipt: Receipt) -> Json:
    return {
        "seconds": _finite(receipt.seconds),
        "read_tokens_per_s": _finite(receipt.read_tokens_per_s),
        "write_tokens_per_s": _finite(receipt.write_tokens_per_s),
        "peak_memory_bytes": receipt.peak_memory_bytes,
        "memory": [
            {
                "layer": layer.layer,
                "tokens": layer.num_tokens,
                "heads": [
                    {"written": written, "gate": _finite(gate)}
                    for written, gate in zip(layer.written, layer.gate, strict=True)
                ],
            }
            for layer in receipt.memory
        ],
    }


def _finite(value: Any) -> Any:
    """Floats to three decimals; NaN and infinity, which JSON has no word for, become null."""
    if isinstance(value, float):
        return round(value, 3) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
