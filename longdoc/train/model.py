"""The embedded model's shape, and its folder on disk: an ordinary checkpoint with a memory adapter beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from longdoc.engine.adapter import AdapterInfo, save_adapter
from longdoc.engine.attention import attach_memory, install
from longdoc.engine.cache import Tiers
from longdoc.engine.memory import DeltaMemory, PaperMemory
from longdoc.train.config import TrainConfig
from longdoc.train.tokenizer import END_OF_TEXT

Memories = dict[int, DeltaMemory | PaperMemory]


def build_model(config: TrainConfig) -> tuple[Any, Memories]:
    """A fresh decoder with longdoc's attention and its (not yet trained) memories. Call after seeding torch."""
    shape = config.model
    model = Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=shape.vocab_size,
            hidden_size=shape.hidden_size,
            intermediate_size=shape.intermediate_size,
            num_hidden_layers=shape.num_layers,
            num_attention_heads=shape.num_heads,
            num_key_value_heads=shape.num_kv_heads,
            head_dim=shape.head_dim,
            max_position_embeddings=shape.sinks + shape.window,
            rope_parameters={"rope_type": "default", "rope_theta": shape.rope_theta},
            tie_word_embeddings=True,
            bos_token_id=0,
            eos_token_id=0,
            pad_token_id=0,
        )
    )
    residual_scale = (2 * shape.num_layers) ** -0.5
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                parameter.mul_(residual_scale)
    install(model)
    memories = attach_memory(model, config.memory)
    for memory in memories.values():
        if isinstance(memory, DeltaMemory):
            memory.reset_parameters()
    return model, memories


def export(
    folder: Path,
    model: Any,
    memories: Memories | None,
    tokenizer: Tokenizer,
    config: TrainConfig,
    notes: dict[str, Any],
) -> None:
    """Write checkpoint (bfloat16), tokenizer and adapter. memories None: a base without memory."""
    folder.mkdir(parents=True, exist_ok=True)
    implementation = model.config._attn_implementation
    state = {k: v.detach().to(torch.bfloat16) for k, v in model.state_dict().items() if k != "lm_head.weight"}
    model.config.dtype = torch.bfloat16
    model.save_pretrained(folder, state_dict=state)
    model.config.dtype = torch.float32
    assert model.config._attn_implementation == implementation
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END_OF_TEXT, bos_token=END_OF_TEXT)
    fast.save_pretrained(folder)
    shape = config.model
    info = AdapterInfo(
        name=config.name,
        base=config.name,
        tiers=Tiers(shape.sinks, shape.window),
        segment_tokens=2 * shape.window,
        memory=config.memory if memories else None,
        attention="stream",
        verbatim=True,
        prompts="embedded",
        points_among=1,  # measured: below the ranker so far (longdoc/bench/LOG.md)
        notes=notes,
    )
    save_adapter(folder, info, memories or {})
