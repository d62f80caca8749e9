"""Training: the embedded model's tokenizer and weights, its memory, and the small rankers."""
