"""A tiny world for the tests that need a model: prose, a data folder, a tokenizer, a random checkpoint.

Everything follows from seeds. The model has two layers and knows nothing; what it says is noise, which is all
that the tests of the machinery need.
"""

from __future__ import annotations

import json
import random
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from longdoc.bench.families import SHAPE as SHAPE  # what every stock family's configuration is given
from longdoc.engine.memory import MemoryConfig
from longdoc.train.config import AdapterConfig, DataConfig, Mix, ModelShape, Stage, TextSource, TrainConfig
from longdoc.train.model import build_model, export
from longdoc.train.tokenizer import train_tokenizer

VOCABULARY = 460  # tokens; the stories give no more than a few above
MEMORY = MemoryConfig("delta", (1,), segment_tokens=16, heads=2, key_dim=16, value_dim=16, lags=3, width=16)
STAGES = (
    Stage(
        "primer", steps=3, memory=True, warmup_steps=2,
        mixes=(Mix("short", rows={"text": 1, "copy": 1, "needles": 1}, sequence_tokens=96, batch=2),),
    ),
    Stage(
        "tasks", steps=3, memory=True, warmup_steps=2,
        mixes=(
            Mix(
                "all", rows={"text": 1, "near_questions": 1, "far_questions": 1, "extracts": 1, "needles": 1},
                sequence_tokens=128, batch=2,
            ),
            Mix("codes", rows={"needles": 1}, sequence_tokens=192, batch=2, window=32, lives=4),
            Mix("facts", facts=6, asked_tokens=64, sequence_tokens=256, batch=2, share=2, window=32, lives=8),
        ),
    ),
)  # fmt: skip
CONFIG = TrainConfig(
    name="tiny",
    seed=3,
    data=DataConfig((TextSource("text/*.txt", 1.0),), "qa/*.jsonl", "summaries/*.jsonl", held_out=("kept-back",)),
    model=ModelShape(
        vocab_size=VOCABULARY, hidden_size=64, intermediate_size=128, num_layers=2, num_heads=4, num_kv_heads=2,
        head_dim=16, sinks=4, window=64,
    ),
    memory=MEMORY,
    stages=STAGES,
)  # fmt: skip

_WHO = ["captain", "keeper", "doctor", "sailor", "widow", "baker", "teacher", "painter", "judge", "farmer"]
_DID = ["carried", "opened", "followed", "mended", "painted", "watched", "counted", "hid", "found", "sold"]
_WHAT = ["lantern", "letter", "ladder", "kettle", "compass", "window", "barrel", "basket", "candle", "mirror"]
_WHERE = ["harbour", "garden", "cellar", "market", "bridge", "tower", "orchard", "station", "meadow", "island"]
_HOW = ["silver", "heavy", "broken", "narrow", "yellow", "ancient", "wooden", "quiet", "hollow", "crooked"]


def prose(num_sentences: int, seed: int = 0) -> str:
    """English enough for a sentence splitter; a paragraph has five sentences."""
    rng = random.Random(seed)
    pick = rng.choice
    sentences = [
        f"The {pick(_HOW)} {pick(_WHO)} {pick(_DID)} the {pick(_HOW)} {pick(_WHAT)} near the {pick(_WHERE)}"
        f" {rng.randint(2, 99)} days before the {pick(_WHO)} came."
        for _ in range(num_sentences)
    ]
    return "\n\n".join(" ".join(sentences[i : i + 5]) for i in range(0, num_sentences, 5))


def write_data(root: Path) -> Path:
    """A data folder as `longdoc train` reads it."""
    for name in ("text", "qa", "summaries"):
        (root / name).mkdir(parents=True)
    ids = [f"story-{number}" for number in range(5)] + ["kept-back"]
    stories = {name: prose(60, seed) for seed, name in enumerate(ids)}
    stories["kept-back"] += "\n\nZyzzyva quokka."
    (root / "text" / "stories.txt").write_text(
        "".join(f"<<<DOC id={name} | title={name}>>>\n{text}\n" for name, text in stories.items())
    )
    questions, summaries = [], []
    for name, text in stories.items():
        for paragraph in text.split("\n\n")[:8]:
            first, second = paragraph.split(". ")[:2] if ". " in paragraph else (paragraph, paragraph)
            answer = first.split(" ")[2]
            row = {"doc_id": name, "context": paragraph, "question": f"Who did it with {second[4:30]}?"}
            questions.append({**row, "answers": [answer], "answerable": True})
            questions.append({**row, "question": "Who is the queen of Sheba?", "answers": [], "answerable": False})
        summaries.append({"doc_id": name, "document": text, "summary": text.split("\n\n")[2]})
    for folder, lines in (("qa", questions), ("summaries", summaries)):
        (root / folder / "rows.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return root


def config_toml(config: TrainConfig) -> str:
    """The file that `load_config` reads back to the same configuration."""
    return _toml(config, _table("[model]", config.model))


def adapter_toml(config: AdapterConfig) -> str:
    """The file that `load_adapter_config` reads back to the same configuration."""
    return _toml(config, _table("[tiers]", config.tiers), *([_table("[lora]", config.lora)] if config.lora else []))


def _toml(config: TrainConfig | AdapterConfig, *tables: str) -> str:
    return "\n".join(
        [
            _line("name", config.name),
            _line("seed", config.seed),
            _table("[data]", config.data, skip=("text",)),
            *(_table("[[data.text]]", source) for source in config.data.text),
            *tables,
            _table("[memory]", config.memory),
            *(
                piece
                for stage in config.stages
                for piece in (
                    _table("[[stages]]", stage, skip=("mixes",)),
                    *(_table("[[stages.mixes]]", mix) for mix in stage.mixes),
                )
            ),
        ]
    )


def _line(key: str, value: Any) -> str:
    if isinstance(value, dict):
        return f"{key} = {{ {', '.join(_line(k, v) for k, v in value.items())} }}"
    return f"{key} = {json.dumps(value)}"


def _table(head: str, values: Any, skip: tuple[str, ...] = ()) -> str:
    names = [n for n in values.__slots__ if n not in skip and getattr(values, n) is not None]
    return "\n".join([head, *(_line(name, getattr(values, name)) for name in names), ""])


@cache
def tokenizer() -> Tokenizer:
    """Byte-level BPE of a few hundred tokens, trained on the stories."""
    with tempfile.TemporaryDirectory() as folder:
        return train_tokenizer(write_data(Path(folder)), CONFIG)


def save(model: Any, folder: Path) -> None:
    """Any stock model as a folder, with the tokenizer."""
    model.save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer()).save_pretrained(folder)


def checkpoint(folder: Path, *, memory: bool = True, prompts: str = "embedded") -> Path:
    """A random model as `longdoc train model` exports it; its memory's gates are far from closed."""
    torch.manual_seed(7)
    model, memories = build_model(CONFIG)
    for module in memories.values():
        for name, parameter in module.named_parameters():
            if "gate" in name:
                torch.nn.init.normal_(parameter)
    export(folder, model, memories if memory else None, tokenizer(), CONFIG, {})
    if prompts != "embedded":
        settings = folder / "adapter.toml"
        settings.write_text(settings.read_text().replace('"embedded"', json.dumps(prompts)))
    return folder


def with_stages(*stages: Stage) -> TrainConfig:
    """The configuration with other stages."""
    return replace(CONFIG, stages=stages)
