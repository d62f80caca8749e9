"""Results as one page of HTML that needs nothing else: no script, no font, no picture from anywhere.

What stands on it is in `html_views.py`, how it looks in `templates/`. All text is data: the template escapes every
value, and control characters are removed on the way. Knows nothing of files.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from longdoc import __version__
from longdoc.output.html_views import Reported, Views
from longdoc.output.wording import clean, duration

if TYPE_CHECKING:
    from jinja2 import Environment


def report_html(documents: Sequence[Reported], *, failures: Sequence[tuple[str, str]] = (), note: str = "") -> str:
    """The page. failures: sources without a result, and what happened.   note: stands above everything."""
    page = Views()
    views = [page.document(document, several=len(documents) + len(failures) > 1) for document in documents]
    title = views[0].title if len(views) == 1 and not failures else "Results"
    return rendered("report.html", title=title, documents=views, failures=failures, note=note)


def rendered(template: str, **values: Any) -> str:
    """A page of `templates/`. Values are text, not HTML."""
    return _environment().get_template(template).render(version=__version__, **values)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # not for --help

    environment = Environment(
        loader=PackageLoader("longdoc.output", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printable,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["duration"] = duration
    return environment


def _printable(value: Any) -> Any:
    """Every value on its way to the page, before it is escaped."""
    return clean(value) if type(value) is str else value
