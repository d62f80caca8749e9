"""Reads a page of HTML for the tests: its elements, links, targets and visible text."""

from __future__ import annotations

from html.parser import HTMLParser

_EMPTY = {"meta"}  # without an end; shapes close themselves


class Page(HTMLParser):
    """Raises AssertionError for elements that are not closed in their order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.texts: dict[str, str] = {}
        self._open: list[tuple[str, str | None]] = []
        self.feed(html)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs), "an attribute stands twice"
        if tag not in _EMPTY:
            self._open.append((tag, dict(attrs).get("id")))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if "style" in {tag for tag, _ in self._open}:
            return
        self.text += data
        for _, element_id in self._open:
            if element_id is not None:
                self.texts[element_id] = self.texts.get(element_id, "") + data

    @property
    def tags(self) -> set[str]:
        """The names of all elements."""
        return {tag for tag, _ in self.elements}

    @property
    def ids(self) -> list[str]:
        """The targets, in order."""
        return [own for _, attrs in self.elements if (own := attrs.get("id")) is not None]

    @property
    def links(self) -> list[str]:
        """What links point to, in order."""
        return [target for tag, attrs in self.elements if tag == "a" and (target := attrs.get("href")) is not None]
