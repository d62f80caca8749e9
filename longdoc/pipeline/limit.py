"""What a memory limit means for a reading: the sizes and the quantization that `longdoc plan` prints for it."""

from __future__ import annotations

from dataclasses import replace

from longdoc.core.errors import OutOfMemory
from longdoc.core.settings import ModelOptions, Quantize
from longdoc.core.types import Document
from longdoc.engine.fitting import fitted
from longdoc.engine.outline import Outline, outline
from longdoc.segment import count_tokens

_LONG_TOKENS = 1_000_000  # of a document that is not known yet: longer ones take no more, as a stream


class MemoryLimit:
    """The limit of one model. options: those of the user, with a limit.

    The weights are chosen once, when they are loaded: for the document that is read then, else for a long one. All
    other sizes are chosen for each document.
    """

    def __init__(self, options: ModelOptions) -> None:
        assert options.memory_limit is not None
        self._most_bytes = options.memory_limit
        self._options = options
        self._outline: Outline = outline(options)

    def quantize(self, document: Document | None) -> Quantize:
        """Of the weights. Raises OutOfMemory (71) when nothing keeps the limit for this document."""
        if document is None:
            try:
                return self._fitted(_LONG_TOKENS, "").quantize
            except OutOfMemory:  # a short one may fit: who reads it is told
                return self._options.quantize
        return self._fitted(count_tokens(document, self._outline.encode), document.text).quantize

    def loaded_with(self, quantize: Quantize) -> None:
        """The weights are there, and stay as they are."""
        if quantize != self._options.quantize:
            self._options = replace(self._options, quantize=quantize)
            self._outline = outline(self._options)

    def options_for(self, num_tokens: int, text: str) -> ModelOptions:
        """How a document is read. Raises OutOfMemory (71)."""
        return self._fitted(num_tokens, text)

    def _fitted(self, num_tokens: int, text: str) -> ModelOptions:
        return fitted(self._outline, self._options, num_tokens, text, self._most_bytes)[1]
