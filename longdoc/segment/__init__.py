"""Floor 2: documents to parts, parts to segments of at most N tokens. Knows nothing of formats and models."""

from longdoc.segment.cut import Encode, count_tokens, segment, token_starts
from longdoc.segment.parts import file_tiles, parts

__all__ = ["Encode", "count_tokens", "file_tiles", "parts", "segment", "token_starts"]
