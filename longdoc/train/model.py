"""The embedded model's shape, and its folder on disk: an ordinary checkpoint with a memory adapter beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from longdoc.core.errors import ModelUnavailable
from longdoc.engine.adapter import AdapterInfo, load_weights, save_adapter
from longdoc.engine.attention import attach_memory, install
from longdoc.engine.cache import Tiers
from longdoc.engine.memory import DeltaMemory
from longdoc.train.config import Stage, TrainConfig
from longdoc.train.learner import Groups, Memories, memory_groups
from longdoc.train.tokenizer import END_OF_TEXT

_FRESH_SCALE = 0.3  # of a new memory's output beside trained layers, against .5 in an untrained model


class Decoder:
    """A model of the configured shape, all of it trained: the `Learner` of `longdoc train model`.

    Muon for the decoder's matrices, AdamW for all else.
    """

    def __init__(self, config: TrainConfig, tokenizer: Tokenizer) -> None:
        self.config = config
        self.tokenizer = tokenizer
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.tiers = Tiers(config.model.sinks, config.model.window)
        torch.manual_seed(config.seed)
        self.model, self.memories = build_model(config)
        self.weights = self.model
        self.model.to(self.device).train()
        for memory in self.memories.values():
            memory.to(self.device).train()

    def optimizers(self, stage: Stage) -> list[torch.optim.Optimizer]:
        """AdamW and Muon."""
        matrices: list[torch.nn.Parameter] = []
        others: list[torch.nn.Parameter] = []
        for name, parameter in self.model.named_parameters():
            (matrices if parameter.ndim == 2 and "embed" not in name else others).append(parameter)
        groups: Groups = [{"params": others, "weight_decay": 0.0, "peak": stage.lr}]
        groups += memory_groups(self.memories, stage.lr) if stage.memory else []
        adam = torch.optim.AdamW([g for g in groups if g["params"]], lr=stage.lr, betas=(0.9, 0.95))
        muon = torch.optim.Muon([{"params": matrices, "peak": stage.muon_lr}], lr=stage.muon_lr, weight_decay=0.01)
        return [adam, muon]

    def start_memory_anew(self, layer: int) -> None:
        """Its output is small, beside trained layers."""
        memory = self.memories[layer]
        if isinstance(memory, DeltaMemory):
            memory.reset_parameters(output_scale=_FRESH_SCALE)

    def load(self, folder: Path) -> None:
        """Checkpoint and memories of an exported model."""
        try:
            weights = load_file(folder / "model.safetensors", device=self.device)
            self.model.load_state_dict({"lm_head.weight": weights["model.embed_tokens.weight"], **weights})
        except (OSError, RuntimeError, KeyError, SafetensorError) as error:
            raise ModelUnavailable(f"The weights in {folder} do not fit.", why=str(error)) from error
        load_weights(folder, self.memories)

    def export(self, folder: Path, notes: dict[str, Any], *, with_memory: bool) -> None:
        """A checkpoint folder with the adapter in it."""
        export(folder, self.model, self.memories if with_memory else None, self.tokenizer, self.config, notes)


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
