"""How the sample files are made: the source texts repaired, and one writer for each format."""
