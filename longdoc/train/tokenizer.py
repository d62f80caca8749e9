"""The embedded model's tokenizer: byte-level BPE with single digits, trained on the project's data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from longdoc.train.config import TrainConfig
from longdoc.train.corpus import documents, is_held_out

END_OF_TEXT = "<|end|>"


def train_tokenizer(root: Path, config: TrainConfig, characters_per_source: int = 6_000_000) -> Tokenizer:
    """Byte-level BPE of `model.vocab_size` tokens, id 0 is the end of a text. Nothing is ever unknown."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=config.model.vocab_size,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_samples(root, config, characters_per_source), trainer)
    return tokenizer


def _samples(root: Path, config: TrainConfig, characters: int) -> Iterator[str]:
    """About the same amount of every source, spread over its documents."""
    for source in config.data.text:
        texts = [t for i, t in documents(root, source.glob) if not is_held_out(i, config.data)]
        share = max(2000, characters // max(1, len(texts)))
        for text in texts:
            yield text[:share]
