"""Floor 2: draws events and results for a terminal, a file or a program. Reads no document and loads no model."""
