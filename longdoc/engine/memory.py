"""The compressive memory: a matrix per head that keeps what has left the window, in constant space.

Two forms behind one scan:

- `delta` (`DeltaMemory`): own projections of the hidden state that enters the attention, L2-normalised keys
  of the last few tokens, the delta rule at token level, a write gate; its output is *added* to the attention's.
- `paper` (`PaperMemory`): Infini-attention, Munkhdalai et al. 2024 (arXiv 2404.07143), equations 3-5: the
  model's own un-rotated queries, keys and values, ELU + 1, a sum normaliser, linear or delta updates. `PaperMemory.mix`
  adds the gate of equation 6.

Segments are counted in absolute positions: token t reads the state at the last multiple of `segment_tokens`
that is not after t, however the caller cuts the text into calls. So the result does not depend on the cut,
training on whole sequences and reading in pieces are the same computation, and a memory is always read before
it is updated. Departures from the paper: segments are written when they are complete, not when they leave the
window, so the memory overlaps the window instead of complementing it.

Knows nothing of transformers models, caches or rotary positions.

Shapes: B batch, H memory heads, G query heads per memory head, T new tokens, P pending tokens (< N),
N tokens per memory segment, Dk key dim, Dw wide key dim (Dk without `key_products`), Dv value dim, L lags,
R memory width, E hidden size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from longdoc.engine.adapter_file import MemoryConfig as MemoryConfig
from longdoc.engine.adapter_file import MemoryForm as MemoryForm
from longdoc.engine.write_rules import Held, WriteRule, by_head, delta_rule, least_squares, normalised, paper_rule


@dataclass(frozen=True, slots=True)
class MemoryState:
    """One layer's memory between two calls. All float32, but for the tally.

    matrix: (B, H, Dw, Dv).   normaliser: (B, H, Dk), ones-free sum of the written keys (paper form).
    keys, values, strength: (B, H, P, Dk), (B, H, P, Dv), (B, H, P): read, not yet written.
    recent: (B, L, R), the projected inputs of the last L tokens (delta form), else None.
    covariance: (B, H', Dw, Dw) of the H' heads written by least squares: what of a key older keys have not taken.
    tally: (B, H, 2) float64, for people: tokens written, and the sum of the gate that opens the memory's output over
    all tokens; not counted in training. None in a state that was kept before this was counted.
    """

    matrix: Tensor
    normaliser: Tensor
    keys: Tensor
    values: Tensor
    strength: Tensor
    recent: Tensor | None = None
    covariance: Tensor | None = None
    tally: Tensor | None = None

    def map(self, function: Callable[[Tensor], Tensor]) -> MemoryState:
        """A state with `function` applied to every tensor."""
        return replace(self, **{name: function(tensor) for name, tensor in self.named_tensors().items()})

    def named_tensors(self) -> dict[str, Tensor]:
        """Every tensor held, by the name of its field."""
        return {f.name: t for f in fields(self) if (t := getattr(self, f.name)) is not None}


_LEAST_SLOPE = 0.02  # of a write gate in training, where the sigmoid has none left


def empty_state(batch: int, heads: int, key_dim: int, value_dim: int, device: torch.device) -> MemoryState:
    """A memory into which nothing was written."""

    def zeros(*shape: int) -> Tensor:
        return torch.zeros(batch, heads, *shape, dtype=torch.float32, device=device)

    return MemoryState(
        matrix=zeros(key_dim, value_dim),
        normaliser=zeros(key_dim),
        keys=zeros(0, key_dim),
        values=zeros(0, value_dim),
        strength=zeros(0),
        tally=torch.zeros(batch, heads, 2, dtype=torch.float64, device=device),
    )


def tallied(state: MemoryState, num_written: Tensor, gates: Tensor) -> Tensor | None:
    """(B, H) tokens written and (B, H) sums of the gate, in a call -> the tally after it."""
    if state.tally is None:
        return None
    return state.tally + torch.stack([num_written.double(), gates.detach().double()], -1)


def scan(
    state: MemoryState,
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    strength: Tensor,
    *,
    rule: WriteRule,
    segment_tokens: int,
    normalise: bool,
) -> tuple[Tensor, MemoryState]:
    """(B, H, G, T, Dk), (B, H, T, Dk), (B, H, T, Dv), (B, H, T) -> (B, H, G, T, Dv), the state after T tokens.

    Writes every segment that becomes complete, and reads at the state of the last segment boundary.
    """
    num_new, num_pending = keys.shape[2], state.keys.shape[2]
    keys = torch.cat([state.keys, keys], 2)
    values = torch.cat([state.values, values], 2)
    strength = torch.cat([state.strength, strength], 2)
    num_segments, num_rest = divmod(keys.shape[2], segment_tokens)
    whole = num_segments * segment_tokens

    def in_segments(tensor: Tensor) -> Tensor:
        """(B, H, P + T, ...) -> (B, H, n, N, ...)."""
        return tensor[:, :, :whole].reshape(*tensor.shape[:2], num_segments, segment_tokens, *tensor.shape[3:])

    held = Held([state.matrix], [state.normaliser], state.covariance)
    held = rule(held, in_segments(keys), in_segments(values), in_segments(strength))
    num_read = num_segments + (num_rest > 0)  # segments that have tokens, the last perhaps not complete
    padding = (0, 0, num_pending, num_read * segment_tokens - keys.shape[2])
    rows = F.pad(queries, padding).view(*queries.shape[:3], num_read, segment_tokens, queries.shape[-1])
    read = held.read(rows)
    if normalise:
        read = normalised(read, rows, torch.stack(held.normalisers[:num_read], 2)[:, :, None])
    pending = keys, values, strength
    if whole:  # copies: views would keep what was written alive
        pending = keys[:, :, whole:].clone(), values[:, :, whole:].clone(), strength[:, :, whole:].clone()
    after = MemoryState(held.matrices[-1], held.normalisers[-1], *pending, state.recent, held.covariance)
    return read.flatten(3, 4)[:, :, :, num_pending : num_pending + num_new], after


class DeltaMemory(nn.Module):
    """The memory that learns: token-level delta rule on own, shifted, normalised keys.

    k_t = L2(Wk [r_(t-1) ... r_(t-L)]), q_t = L2(Wq [r_t ... r_(t-L+1)]), v_t = Wv x_t with r = Wr x: the value of a
    token is bound to the tokens before it, so a read is an n-gram induction head that reaches back without end.
    Wq starts as Wk and the output matrix as Wv^T, so it works from step 0. The write strength is
    clamp(1.2 sigmoid(g [x_t, x_(t-1)]) - 0.1, 0, 1), exactly zero below the threshold: what is never written is
    never forgotten by being overwritten.
    """

    def __init__(self, hidden_size: int, config: MemoryConfig) -> None:
        super().__init__()
        self.config = config
        heads, lags, width = config.heads, config.lags, config.width
        self.reduce = nn.Linear(hidden_size, width, bias=False)
        self.query = nn.Linear(lags * width, heads * config.key_dim, bias=False)
        self.key = nn.Linear(lags * width, heads * config.key_dim, bias=False)
        self.value = nn.Linear(hidden_size, heads * config.value_dim, bias=False)
        self.output = nn.Linear(heads * config.value_dim, hidden_size, bias=False)
        self.write_gate = nn.Linear(2 * width, heads)
        self.read_gate = nn.Linear(hidden_size, heads)
        self.train_threshold = 0.0  # straight-through threshold, raised at the end of training
        self.deaf_heads: list[int] = []  # whose write gates the loss does not train at present
        self.muted_heads: list[int] = []  # which are not read at present, in training
        self.last_strength: Tensor | None = None  # (B, T, H), for the sparsity penalty
        self.rule: WriteRule = delta_rule
        if config.exact_heads:
            exact = least_squares(config.ridge, config.drift, config.key_products)
            self.rule = by_head(config.exact_heads, exact, delta_rule)
        self.reset_parameters()

    def reset_parameters(self, output_scale: float = 0.5) -> None:
        """Tied initialisation; older lags fade in the first head and count fully in the last."""
        config = self.config
        heads, lags, width = config.heads, config.lags, config.width
        hidden_size = self.value.in_features
        nn.init.orthogonal_(self.reduce.weight, gain=(hidden_size / width) ** 0.5)
        nn.init.normal_(self.key.weight, std=(lags * width) ** -0.5)
        nn.init.normal_(self.value.weight, std=hidden_size**-0.5)
        fade = torch.linspace(0.6, 1.0, heads)[:, None] ** torch.arange(lags)
        with torch.no_grad():
            self.key.weight.view(heads, config.key_dim, lags, width).mul_(fade[:, None, :, None])
            self.query.weight.copy_(self.key.weight)
            tied = self.value.weight.T * (hidden_size / (heads * config.value_dim)) * output_scale
            self.output.weight.copy_(tied)
        for gate in (self.write_gate, self.read_gate):
            nn.init.zeros_(gate.weight)
            nn.init.zeros_(gate.bias)

    def empty_state(self, batch: int, device: torch.device) -> MemoryState:
        """A memory into which nothing was written."""
        config = self.config
        state = empty_state(batch, config.heads, config.key_dim, config.value_dim, device)
        recent = torch.zeros(batch, config.lags, config.width, device=device)
        if not config.exact_heads:
            return replace(state, recent=recent)
        matrix = torch.zeros(batch, config.heads, config.wide_key_dim, config.value_dim, device=device)
        unwritten = torch.eye(config.wide_key_dim, device=device).expand(batch, len(config.exact_heads), -1, -1)
        return replace(state, matrix=matrix, recent=recent, covariance=unwritten.clone())

    def forward(self, hidden: Tensor, state: MemoryState | None = None) -> tuple[Tensor, MemoryState]:
        """(B, T, E) -> (B, T, E) to be added to the attention's output, and the state after the T tokens."""
        config = self.config
        batch, num_new, _ = hidden.shape
        if state is None:
            state = self.empty_state(batch, hidden.device)
        assert state.recent is not None
        reduced = self.reduce(hidden)
        history = torch.cat([state.recent.to(reduced.dtype), reduced], 1)
        lagged = [history[:, config.lags - lag : config.lags - lag + num_new] for lag in range(config.lags + 1)]
        queries = self._heads(self.query(torch.cat(lagged[:-1], -1)), config.key_dim)
        keys = self._heads(self.key(torch.cat(lagged[1:], -1)), config.key_dim)
        values = self._heads(self.value(hidden), config.value_dim)
        strength = self._strength(self.write_gate(torch.cat(lagged[:2], -1)).float()).transpose(1, 2)
        with torch.autocast(hidden.device.type, enabled=False):
            read, after = scan(
                state,
                F.normalize(queries.float(), dim=-1)[:, :, None],
                F.normalize(keys.float(), dim=-1),
                values.float(),
                strength,
                rule=self.rule,
                segment_tokens=config.segment_tokens,
                normalise=False,
            )
        gate = torch.sigmoid(self.read_gate(hidden).float())[..., None]
        if self.training and self.muted_heads:
            heard = torch.ones(config.heads, 1, device=gate.device)
            heard[self.muted_heads] = 0
            gate = gate * heard
        gated = (gate * read[:, :, 0].transpose(1, 2)).flatten(2)
        recent = history[:, -config.lags :].clone().float()
        if self.training:
            return self.output(gated.to(hidden.dtype)), replace(after, recent=recent, tally=state.tally)
        tally = tallied(state, (strength > 0).sum(-1), gate[..., 0].sum(1))
        return self.output(gated.to(hidden.dtype)), replace(after, recent=recent.detach(), tally=tally)

    def _heads(self, projected: Tensor, dim: int) -> Tensor:
        """(B, T, H * D) -> (B, H, T, D)."""
        return projected.view(*projected.shape[:2], self.config.heads, dim).transpose(1, 2)

    def _strength(self, logits: Tensor) -> Tensor:
        """Write strengths in [0, 1], exactly zero below the threshold.

        In training both cuts let the gradient through, or a head whose gate has closed on every token could never open
        it again. `last_strength` has the gradient of the plain clamp: the penalty has no say over a closed gate.
        """
        strength = self.last_strength = (1.2 * torch.sigmoid(logits) - 0.1).clamp(0, 1)
        if self.training:
            kept = strength * (strength >= self.train_threshold)
            slope = 1.2 * torch.sigmoid(logits) + _LEAST_SLOPE * logits
            slope[..., self.deaf_heads] = slope[..., self.deaf_heads].detach()
            return slope + (kept - slope).detach()
        return strength * (strength >= strength.new_tensor(self.config.thresholds()))


class PaperMemory(nn.Module):
    """Infini-attention as published: the layer's own queries, keys and values, and one gate per query head.

    Tokens of the first segment have nothing to read, and keep their local attention unmixed.
    """

    def __init__(self, num_heads: int, config: MemoryConfig, gate_init: float = -4.0) -> None:
        super().__init__()
        self.config = config
        self.gate = nn.Parameter(torch.full((num_heads,), gate_init))
        self.rule = paper_rule(delta=config.form == "paper-delta")

    def mix(
        self, local: Tensor, query: Tensor, key: Tensor, value: Tensor, state: MemoryState | None, num_seen: int
    ) -> tuple[Tensor, MemoryState]:
        """Equation 6: (B, H, T, D) local output, un-rotated (B, H, T, D), (B, Hkv, T, D) x2 -> mixed, next state."""
        batch, kv_heads, num_new, dim = key.shape
        if state is None:
            state = empty_state(batch, kv_heads, dim, value.shape[-1], key.device)
        with torch.autocast(key.device.type, enabled=False):
            read, after = scan(
                state,
                F.elu(query.float().reshape(batch, kv_heads, -1, num_new, dim)) + 1,
                F.elu(key.float()) + 1,
                value.float(),
                torch.ones(batch, kv_heads, num_new, device=key.device),
                rule=self.rule,
                segment_tokens=self.config.segment_tokens,
                normalise=True,
            )
        position = torch.arange(num_seen, num_seen + num_new, device=key.device)
        has_memory = (position >= self.config.segment_tokens)[:, None]
        gate = torch.sigmoid(self.gate)[:, None, None] * has_memory
        mixed = gate * read.flatten(1, 2) + (1 - gate) * local.float()
        shares = torch.sigmoid(self.gate).view(kv_heads, -1).mean(1)  # a memory head has a gate for each of its queries
        tally = state.tally
        if not self.training:
            tally = tallied(
                state, torch.full_like(shares, num_new).expand(batch, -1), (num_new * shares).expand(batch, -1)
            )
        return mixed.to(local.dtype), replace(after, tally=tally)
