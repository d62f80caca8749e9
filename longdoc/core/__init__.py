"""Floor 1: the data, events, errors, settings and paths that every other floor speaks of."""
