"""The schema of `--progress json` and the events agree, field by field."""

from __future__ import annotations

import json
from dataclasses import fields

import jsonschema
import pytest
from handmade import FakePipeline, make_receipt

from longdoc.cli import run
from longdoc.core import batch, events
from longdoc.core.events import Event
from longdoc.output.json import event_json, schema

SCHEMA = schema("longdoc.event/1")
KINDS = [
    kind
    for module in (events, batch)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, Event) and kind not in {Event, events.Step, batch.OfDocument}
]
SAMPLES: list[Event] = [
    events.Opening("a.pdf", 10, None),
    events.Opened("a.pdf", None, "pdf", 216, 300_000, 14, warnings=("one odd page",)),
    events.ModelLoading("embedded"),
    events.ModelLoaded("embedded", 26_000_000, 0.4, "it fits"),
    events.SegmentRead(1, 2, float("nan"), None, 512_000_000),
    events.StateUsed("a-1a2b3c4d", 1, 2),
    events.StateKept("a-1a2b3c4d", 1, 2, 1_600_000),
    events.Writing("notes", 1, 2),
    events.Token("word"),
    events.Warned("careful"),
    events.Finished(make_receipt()),
    batch.BatchStarted(12, 2, "here"),
    batch.DocumentDone("a.pdf", None, "before", 1, 12),
    batch.BatchFinished(12, 11, 10, 1, 1, 4.2),
]


def test_the_schema_is_one_and_knows_every_event() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    names = {event["properties"]["event"]["const"]: event for event in SCHEMA["oneOf"]}
    rows = {event_json(sample)["event"]: sample for sample in SAMPLES}
    assert {type(sample) for sample in SAMPLES} == set(KINDS)
    assert set(names) == set(rows) | {"error"}
    for name, sample in rows.items():
        assert set(names[name]["properties"]) == {"event", *(field.name for field in fields(sample))}
        assert set(names[name]["required"]) == set(names[name]["properties"])
        assert names[name]["description"]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
def test_every_event_is_what_the_schema_says(sample: Event) -> None:
    row = json.loads(json.dumps(event_json(sample)))
    jsonschema.validate(row, SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**row, "event": "unheard_of"}, SCHEMA)


def test_all_of_standard_error_follows_it(pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline.errors["c.pdf"] = KeyboardInterrupt()
    assert run(["summarize", "a.pdf", "missing.pdf", "c.pdf", "--progress", "json", "-v"]) == 130
    rows = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert rows[-1] == {"event": "error", "what": "interrupted", "why": None, "fix": None, "exit_code": 130}
    for row in rows:
        jsonschema.validate(row, SCHEMA)
