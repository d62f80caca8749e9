"""The process that measures one speed: one document, one mode, then it ends (`python -m longdoc.bench.speed_process`).

A job comes on standard input, progress and the result go to standard output, one JSON object a line. The modes:

- `stream`, `exact`: as the pipeline reads (file, parser, segments, model), under that attention.
- `stock`: the same tokens through transformers' own attention and its growing cache, segment by segment.
- `no-history`: the same through its own attention without any cache, each segment by itself: the ceiling.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, cast

from longdoc.core.errors import LongdocError
from longdoc.core.events import Event, Listener, SegmentRead, ignore
from longdoc.core.settings import AttentionMode, ModelOptions, SourceOptions

if TYPE_CHECKING:
    from longdoc.pipeline.session import Session

PIPELINE_MODES = ("stream", "exact")
MODES = (*PIPELINE_MODES, "stock", "no-history")
Clock = Callable[[], float]
Note = Callable[[int, int, float], None]  # tokens read, of how many, seconds of reading

_WRITE_TOKENS = 64
_TOLD_EVERY_S = 1.0


def measure(job: dict[str, Any], on_event: Listener = ignore) -> dict[str, Any]:
    """Read one document in this process and report.

    job: options, mode, source or tokens and text, started (`time.time` when the process was started), and the clock:
    "cpu" counts the processor's seconds, which other programs do not lengthen.
    The row's `curve` has (tokens, seconds of reading) after each segment.
    """
    from longdoc.bench.report import report
    from longdoc.engine.machine import peak_gpu_bytes, peak_resident_bytes
    from longdoc.pipeline.session import open_session

    mode = job["mode"]
    attention: AttentionMode = "exact" if mode == "exact" else "stream"
    session = open_session(replace(ModelOptions(**job["options"]), attention=attention), on_event)
    load_s = time.time() - job["started"]
    curve: list[tuple[int, float]] = []
    clock: Clock = time.process_time if job.get("clock") == "cpu" else time.perf_counter

    def note(tokens_read: int, num_tokens: int, spent_s: float) -> None:
        curve.append((tokens_read, spent_s))
        on_event(SegmentRead(tokens_read, num_tokens, tokens_read / max(1e-9, spent_s), None, 0))

    with tempfile.TemporaryDirectory() as folder:
        source = job.get("source")
        if source is None:
            source = str(Path(folder) / "text.txt")
            _write_text(Path(source), job["tokens"], session.encode, job.get("text"))
        began = time.perf_counter()
        measured = (_pipeline if mode in PIPELINE_MODES else _plain)(session, source, mode, clock, note)
        seconds = time.perf_counter() - began - measured.pop("write_s", 0.0)
    row = {
        "source": job.get("source"),
        "mode": mode,
        "tokens": curve[-1][0],
        "tokens_per_s": round(curve[-1][0] / max(1e-9, curve[-1][1]), 1),
        **measured,
        "load_s": round(load_s, 3),
        "seconds": round(seconds, 3),
        "peak_memory_bytes": peak_resident_bytes(),
        "peak_gpu_bytes": peak_gpu_bytes(session.loaded.device),
        "curve": curve,
    }
    return report("speed", session.loaded.info, [row])


def _pipeline(session: Session, source: str, mode: str, clock: Clock, note: Note) -> dict[str, Any]:
    """Read as every command does, then write a few tokens."""
    with _clocked(clock) as spent_s:

        def on_event(event: Event) -> None:
            if isinstance(event, SegmentRead):
                note(event.tokens_read, event.num_tokens, spent_s[0])

        reading = session.read(source, SourceOptions(), on_event)
    reader = reading.reader
    state = reader.read(reading.state, reading.framing.encode("\n\n"))
    began = time.perf_counter()
    times_s = [clock() for _ in reader.write(state, max_tokens=_WRITE_TOKENS)]
    steps_s = [after - before for before, after in pairwise(times_s)]
    return {
        "write_tokens_per_s": round(1 / max(1e-9, median(steps_s)), 1) if steps_s else None,
        "state_bytes": reading.state.cache.num_bytes(),
        "write_s": time.perf_counter() - began,
    }


@contextmanager
def _clocked(clock: Clock) -> Iterator[list[float]]:
    """Every reader adds the seconds of its reading to the one number in the list."""
    from longdoc.engine.reader import Reader

    spent_s = [0.0]
    read = Reader.read

    def timed(self: Reader, state: Any, ids: Any) -> Any:
        began = clock()
        try:
            return read(self, state, ids)
        finally:
            spent_s[0] += clock() - began

    Reader.read = timed  # type: ignore[method-assign]
    try:
        yield spent_s
    finally:
        Reader.read = read  # type: ignore[method-assign]


def _plain(session: Session, source: str, mode: str, clock: Clock, note: Note) -> dict[str, Any]:
    """The document's tokens through transformers' own attention, in equal segments."""
    import torch
    from transformers import DynamicCache

    from longdoc.engine.plan import plan_reading
    from longdoc.ingest import read_document

    loaded = session.loaded
    loaded.model.set_attn_implementation("sdpa")
    document = read_document(source)
    ids = torch.tensor([[token for token, _, _ in session.encode(document.text)]], device=loaded.device)
    num_tokens = ids.shape[1]
    segment_tokens = plan_reading(loaded, session.options, num_tokens).segment_tokens
    cache = DynamicCache(config=loaded.model.config) if mode == "stock" else None
    spent_s, num_read = 0.0, 0
    for piece in torch.split(ids, segment_tokens, 1):
        began = clock()
        with torch.inference_mode():
            loaded.model(piece, past_key_values=cache, use_cache=cache is not None, logits_to_keep=1)
        _wait(loaded.device)
        spent_s += clock() - began
        num_read += piece.shape[1]
        note(num_read, num_tokens, spent_s)
    held = [] if cache is None else [t for layer in cache.layers for t in (layer.keys, layer.values)]
    return {"state_bytes": sum(tensor.numel() * tensor.element_size() for tensor in held)}


def _wait(device: Any) -> None:
    """Until the GPU has done what it was given."""
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _write_text(path: Path, num_tokens: int, encode: Callable[[str], Any], text: str | None) -> None:
    """A text of about so many tokens, written as it is made: its length must not cost memory here."""
    from longdoc.bench.haystack import text_of

    gap = len(encode("\n\n"))
    with path.open("w", encoding="utf-8") as stream:
        for paragraph in text_of(text):
            num_tokens -= len(encode(paragraph)) + gap
            if num_tokens <= 0:
                return
            stream.write(paragraph + "\n\n")


def main() -> int:
    """The measuring process."""
    job = json.load(sys.stdin)
    told_s = 0.0

    def tell(event: Event) -> None:
        nonlocal told_s
        if isinstance(event, SegmentRead) and time.monotonic() - told_s >= _TOLD_EVERY_S:
            told_s = time.monotonic()
            _say({"segment_read": asdict(event)})

    try:
        _say(measure(job, tell))
    except LongdocError as error:
        from longdoc.output.json import error_json

        _say({"error": error_json(error)})
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


def _say(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(cast("object", value)) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
