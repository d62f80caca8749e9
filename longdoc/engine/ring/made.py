"""A random model that every process of a ring makes for itself, and whether two readings came out the same.

For measuring a ring and for trying one: no checkpoint is needed, and the same seed gives the same weights everywhere.
It knows nothing, but its attention is peaky, so that a key in the wrong place or a wrong weight of a block shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from longdoc.core.types import AttentionInfo, ModelInfo
from longdoc.engine.load import LoadedModel
from longdoc.engine.plan import ReadingPlan
from longdoc.engine.reader import Reader
from longdoc.engine.ring.processes import Group
from longdoc.engine.tiers import KEEP_ALL, Tiers

_PEAKY = 4.0  # what projections to queries and keys are multiplied by
_FIRST_ID = 3  # those before it are special


@dataclass(frozen=True, slots=True)
class Shape:
    """Of a model like Llama. wide: of the hidden state.   dim: of one head."""

    layers: int = 2
    wide: int = 64
    heads: int = 4
    kv_heads: int = 2
    dim: int = 16
    vocabulary: int = 211

    def words(self) -> str:
        """`a random model like Llama of 2 layers, 64 wide, 4 heads and 2 of keys and values of 16 dims`."""
        return (
            f"a random model like Llama of {self.layers} layers, {self.wide} wide, "
            f"{self.heads} heads and {self.kv_heads} of keys and values of {self.dim} dims"
        )


def made_model(
    shape: Shape, device: torch.device, dtype: torch.dtype = torch.float32, group: Group | None = None
) -> LoadedModel:
    """The model in evaluation mode under longdoc's attention, as `load_model` gives one; without a tokenizer."""
    from transformers import LlamaConfig, LlamaForCausalLM

    from longdoc.engine.attention import install

    config = LlamaConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.wide,
        intermediate_size=2 * shape.wide,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        head_dim=shape.dim,
        max_position_embeddings=1 << 20,
        initializer_range=0.05,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = LlamaForCausalLM(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "q_proj" in name or "k_proj" in name:
                parameter.mul_(_PEAKY)
    model = model.to(device, dtype).eval().requires_grad_(False)
    install(model)
    return LoadedModel(
        model=model,
        tokenizer=None,
        info=ModelInfo(shape.words()),
        adapter=None,
        native_tokens=config.max_position_embeddings,
        num_parameters=model.num_parameters(),
        device=device,
        group=group,
    )


def random_ids(num_tokens: int, vocabulary: int) -> list[int]:
    """Token ids, none of them special; the same for every call."""
    drawn = torch.randint(_FIRST_ID, vocabulary, (num_tokens,), generator=torch.Generator().manual_seed(5))
    return [int(token) for token in drawn]


def whole_plan(mode: str, segment_tokens: int, reach_tokens: int, processes: int = 1) -> ReadingPlan:
    """The plan of an exact reading. mode: "exact" or "ring".   reach_tokens: as in `ReadingPlan`."""
    info = AttentionInfo(mode, 0, 0, False, "measured", processes=processes)
    return ReadingPlan(Tiers(sinks=0, window=KEEP_ALL), segment_tokens, False, info, reach_tokens)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out of a reading: the logits of its last token, and the tokens that were written after it."""

    logits: tuple[float, ...]
    tokens: tuple[int, ...]


def outcome(reader: Reader, ids: Sequence[int], num_tokens: int) -> Outcome:
    """Read, then write so many tokens."""
    state = reader.read(reader.start(), ids)
    assert state.logits is not None
    return Outcome(tuple(state.logits.float().tolist()), tuple(reader.write(state, max_tokens=num_tokens)))


def difference(one: Outcome, other: Outcome) -> float:
    """The largest of their logits; infinite when they are not as many, or some are no numbers."""
    if len(one.logits) != len(other.logits) or not one.logits:
        return float("inf")
    found = (torch.tensor(one.logits, dtype=torch.float64) - torch.tensor(other.logits, dtype=torch.float64)).abs()
    return float(found.max()) if bool(found.isfinite().all()) else float("inf")


def complaint(single: Outcome, ring: Outcome, most: float, *, tokens: bool = True) -> str | None:
    """In words, how a ring differs from one process; None when it does not.

    most: that logits may differ by, as a share of the largest one.   tokens: whether those written are compared.
    """
    allowed = most * max(abs(value) for value in single.logits)
    found = difference(single, ring)
    if not found <= allowed:
        return f"its logits differ from those of one process by {found:.2g}, where {allowed:.1g} is rounding"
    if tokens and single.tokens != ring.tokens:
        place = next((i for i, (a, b) in enumerate(zip(single.tokens, ring.tokens, strict=False)) if a != b), 0)
        return f"it writes other tokens than one process, from number {place + 1} on"
    return None
