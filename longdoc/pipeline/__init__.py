"""Floor 3: the jobs. Reads a document once, takes notes, answers, and checks every citation."""
