"""An answer that is not found, but may be there: it is not denied, and the nearest places are named."""

from __future__ import annotations

from dataclasses import replace

import jsonschema
from handmade import make_answer, make_citation

from longdoc.core.types import Evidence
from longdoc.output.html import report_html
from longdoc.output.html_views import Reported
from longdoc.output.json import answer_json, schema
from longdoc.output.markdown import answers_markdown
from longdoc.output.text import answers_text


def test_what_may_be_there_after_all_is_not_denied_and_says_where_to_look() -> None:
    passages = [Evidence(make_citation(page=page), 0.2) for page in (12, 7, 12, 30, 44)]
    answer = make_answer(status="not_found", text="", citations=(), not_found_in="document", sure=False)
    said = "Not found in the document; it may be there in other words."
    near = {
        5: f"{said} The nearest passages are at p. 12, p. 7 and p. 30: look there.",
        1: f"{said} The nearest passages are at p. 12: look there.",
        0: said,
    }
    for number, words in near.items():
        shown = replace(answer, evidence=tuple(passages[:number]))
        for page in (answers_markdown([shown]), answers_text([shown]), report_html([Reported(None, (shown,))])):
            assert words in page
            assert "Not in the document" not in page
        jsonschema.validate(answer_json(shown), schema("longdoc.answer/1"))
    assert "Not in the document." in answers_markdown([replace(answer, sure=True)])
