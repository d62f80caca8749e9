"""longdoc reads documents too long for a model's context window, and cites what it says."""

__version__ = "0.1.0"
