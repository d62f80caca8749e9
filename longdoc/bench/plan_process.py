"""The process that reads one document for `bench plan` and ends (`python -m longdoc.bench.plan_process`).

A job comes on standard input: source, options, folder for the state and the speed, stop_after. One JSON object goes to
standard output: tokens of the document, tokens read, the peak of this process.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from longdoc.core.errors import LongdocError
from longdoc.core.events import Event, SegmentRead
from longdoc.core.settings import ModelOptions, SourceOptions, StateOptions


class _EnoughRead(Exception):
    """The reading has come as far as it was to come."""


def measure(job: dict[str, Any]) -> dict[str, int]:
    """Read a document, or the beginning of it, and say what that took."""
    from longdoc.engine.machine import peak_resident_bytes
    from longdoc.pipeline.read import read

    last = SegmentRead(0, 0, 0.0, None, 0)

    def on_event(event: Event) -> None:
        nonlocal last
        if isinstance(event, SegmentRead):
            last = event
            if job["stop_after"] is not None and event.tokens_read >= job["stop_after"]:
                raise _EnoughRead

    try:
        result = read(
            job["source"],
            source_options=SourceOptions(),
            model_options=ModelOptions(**job["options"]),
            states=StateOptions(folder=job["folder"], wanted=True),
            on_event=on_event,
        )
        tokens, tokens_read = result.receipt.num_tokens, result.receipt.tokens_read
    except _EnoughRead:
        tokens, tokens_read = last.num_tokens, last.tokens_read
    return {"tokens": tokens, "tokens_read": tokens_read, "peak_memory_bytes": peak_resident_bytes()}


def main() -> int:
    """The reading process."""
    try:
        sys.stdout.write(json.dumps(measure(json.load(sys.stdin))) + "\n")
    except LongdocError as error:
        sys.stderr.write(f"{error.what} {error.why or ''}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
