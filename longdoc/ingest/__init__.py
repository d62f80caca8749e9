"""Floor 2: from a file or standard input to a `Document`. Knows nothing of tokens, models or results."""

from longdoc.ingest.join import Together, expand, look_into, read_source, together
from longdoc.ingest.read import FORMATS, read_document

__all__ = ["FORMATS", "Together", "expand", "look_into", "read_document", "read_source", "together"]
