"""The picture of what a memory took: a field for each head, and a line where there is nothing to show."""

from __future__ import annotations

from dataclasses import replace

import jsonschema
import pytest
from handmade import make_answer, make_receipt, make_summary
from pages import Page
from test_html_pages import check

from longdoc.core.memory_use import MemoryUse
from longdoc.core.types import Receipt
from longdoc.output.html import report_html
from longdoc.output.html_views import Reported
from longdoc.output.json import answer_json, schema, summary_json
from longdoc.output.memory_map import memory_map

USES = (
    MemoryUse(layer=1, num_tokens=20_000, written=(15_000, 3_750, 1, 0), gate=(1.0, 0.25, 0.004, 0.0)),
    MemoryUse(layer=7, num_tokens=20_000, written=(0, 0, 0, 20_000), gate=(0.5, 0.5, 0.5, 0.5)),
)


def page_of(receipt: Receipt) -> Page:
    return check(report_html([Reported(make_summary(receipt=receipt))]))


def fields_of(page: Page, kind: str) -> list[dict[str, str | None]]:
    return [attributes for tag, attributes in page.elements if tag == "rect" and attributes.get("class") == kind]


def test_each_head_of_each_layer_has_a_field_as_strong_as_what_it_wrote_and_a_bar_for_its_gate() -> None:
    page = page_of(make_receipt(memory=USES))
    heat = fields_of(page, "heat")
    assert [field["fill-opacity"] for field in heat] == ["0.338", "0.084", "0.0", "0.0", "0.0", "0.0", "0.0", "0.45"]
    assert len({(field["x"], field["y"]) for field in heat}) == 8
    widths = [float(bar["width"] or 0) for bar in fields_of(page, "opened")]
    assert [width / float(heat[0]["width"] or 0) for width in widths[:4]] == pytest.approx(
        [1, 0.25, 0.004, 0], abs=1e-3
    )
    for words in ("75.0 %", "18.8 %", "0 %", "100 %", "< 0.1 %", "gate 0.25", "layer 7", "head 3", "20,000 tokens"):
        assert words in page.text
    assert "No compressed memory" not in page.text


def test_it_is_told_to_those_who_do_not_see_it() -> None:
    page = page_of(make_receipt(memory=USES))
    (label,) = [a["aria-label"] for tag, a in page.elements if tag == "svg" and a.get("class") == "gates"]
    assert label is not None
    assert "layer 1, head 1: 18.8 % written, gate 0.25" in label


def test_many_heads_have_narrow_fields_without_words_in_a_page_that_is_no_wider() -> None:
    heads = 32
    use = MemoryUse(0, 100, tuple(range(heads)), (0.5,) * heads)
    made = memory_map([replace(use, layer=layer) for layer in range(24)])
    assert made is not None
    assert not made.has_words
    assert made.width < 720
    assert len(made.fields) == 24 * heads
    assert len(made.heads) < 10
    assert made.label == "What the memory took, by layer and head: 768 fields, at most 31.0 % of the tokens written"
    page = page_of(make_receipt(memory=tuple(replace(use, layer=layer) for layer in range(24))))
    assert page.text.count("gate 0.50") == 768  # in the title of each


def test_a_memory_that_wrote_nothing_is_drawn_empty() -> None:
    made = memory_map([MemoryUse(1, 100, (0, 0), (0.1, 0.2))])
    assert made is not None
    assert {field.shade for field in made.fields} == {0.0}
    assert made.most == "0 %"


@pytest.mark.parametrize("uses", [(), (MemoryUse(1, 0, (0,), (0.0,)),)])
def test_where_nothing_was_counted_there_is_no_picture(uses: tuple[MemoryUse, ...]) -> None:
    assert memory_map(uses) is None


def test_json_has_it_as_its_schema_says() -> None:
    made = summary_json(make_summary(receipt=make_receipt(memory=USES)))
    jsonschema.validate(made, schema("longdoc.summary/1"))
    first, second = made["stats"]["memory"]
    assert (first["layer"], first["tokens"]) == (1, 20_000)
    assert first["heads"][1] == {"written": 3_750, "gate": 0.25}
    assert [head["written"] for head in second["heads"]] == [0, 0, 0, 20_000]
    answer = answer_json(make_answer(receipt=make_receipt(memory=USES)))
    jsonschema.validate(answer, schema("longdoc.answer/1"))
    assert answer["stats"]["memory"] == made["stats"]["memory"]
    made["stats"]["memory"][0]["heads"][0]["gate"] = 1.5
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(made, schema("longdoc.summary/1"))


@pytest.mark.parametrize(
    ("mode", "memory", "settings", "words"),
    [
        ("stream", True, {}, "is not known: the reading went on from a state"),
        ("exact", False, {"memory": True}, "everything was kept exactly"),
        ("ring", False, {"memory": True}, "everything was kept exactly"),
        ("stream", False, {"memory": False}, "it was switched off"),
        ("stream", False, {"memory": True}, "the model has none"),
    ],
)
def test_without_a_memory_one_line_says_why(mode: str, memory: bool, settings: dict[str, bool], words: str) -> None:
    attention = replace(make_receipt().attention, mode=mode, memory=memory)
    page = page_of(make_receipt(attention=attention, settings=settings))
    assert words in page.text
    assert not fields_of(page, "heat")
