"""The compressive memory against plain loops over its equations, in float64.

Shapes: B batch, H heads, G query heads per head, T tokens, N tokens per segment, Dk key dim, Dv value dim.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import tiny
import torch
import torch.nn.functional as F
from torch import Tensor

from longdoc.engine.cache import StreamingCache, Tiers
from longdoc.engine.memory import (
    DeltaMemory,
    MemoryConfig,
    MemoryForm,
    MemoryState,
    PaperMemory,
    empty_state,
    scan,
)
from longdoc.engine.write_rules import WriteRule, delta_rule, paper_rule
from longdoc.train.model import build_model

FORMS: tuple[MemoryForm, ...] = ("delta", "paper-delta", "paper-linear")
RULES: dict[str, WriteRule] = {
    "delta": delta_rule,
    "paper-delta": paper_rule(delta=True),
    "paper-linear": paper_rule(delta=False),
}
B, H, G, T, DK, DV, N = 2, 2, 2, 43, 8, 6, 16
every_form = pytest.mark.parametrize("form", FORMS)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed + sum(shape)))


def inputs(form: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Queries, keys, values, strengths as `scan` gets them; a third of the strengths are zero."""
    features: Callable[[Tensor], Tensor] = (
        (lambda x: F.normalize(x, dim=-1)) if form == "delta" else lambda x: F.elu(x) + 1
    )
    strength = random(B, H, T).sigmoid() if form == "delta" else torch.ones(B, H, T)
    if form == "delta":
        strength[:, :, ::3] = 0
    return features(random(B, H, G, T, DK, seed=1)), features(random(B, H, T, DK)), random(B, H, T, DV), strength


def naive_head(form: str, q: Tensor, k: Tensor, v: Tensor, strength: Tensor | None = None) -> Tensor:
    """(T, Dk) x2, (T, Dv), (T,) -> (T, Dv) float64: what each token reads, one token after the other."""
    q, k, v = q.double(), k.double(), v.double()
    b = torch.ones(len(q), dtype=torch.float64) if strength is None else strength.double()
    matrix = torch.zeros(k.shape[1], v.shape[1], dtype=torch.float64)
    total = torch.zeros(k.shape[1], dtype=torch.float64)
    reads = []
    for start in range(0, len(q), N):
        tokens = range(start, min(start + N, len(q)))
        for t in tokens:
            read = q[t] @ matrix
            if form != "delta":  # equation 3; a memory without content reads as zero
                read = read / (q[t] @ total) if total.any() else 0 * read
            reads.append(read)
        if len(tokens) < N:
            break
        before, total_before = matrix.clone(), total.clone()
        for t in tokens:
            if form == "delta":  # M <- M + b k (v - k M), with the M of the token before
                matrix = matrix + b[t] * torch.outer(k[t], v[t] - k[t] @ matrix)
            else:  # equations 4 and 5, with the M of the segment before
                known = k[t] @ before / (k[t] @ total_before) if form == "paper-delta" and total_before.any() else 0
                matrix = matrix + torch.outer(k[t], v[t] - known)
                total = total + k[t]
    return torch.stack(reads)


def naive(form: str, queries: Tensor, keys: Tensor, values: Tensor, strength: Tensor) -> Tensor:
    """(B, H, G, T, Dv) float64."""
    return torch.stack(
        [
            torch.stack(
                [
                    torch.stack([naive_head(form, q, keys[b, h], values[b, h], strength[b, h]) for q in queries[b, h]])
                    for h in range(H)
                ]
            )
            for b in range(B)
        ]
    )


def scanned(form: str, arguments: tuple[Tensor, Tensor, Tensor, Tensor], cut: int = T) -> Tensor:
    """(B, H, G, T, Dv), in calls of `cut` tokens."""
    state = empty_state(B, H, DK, DV, torch.device("cpu"))
    reads = []
    for start in range(0, T, cut):
        piece = slice(start, start + cut)
        q, k, v, strength = arguments
        read, state = scan(
            state, q[..., piece, :], k[:, :, piece], v[:, :, piece], strength[:, :, piece],
            rule=RULES[form], segment_tokens=N, normalise=form != "delta",
        )  # fmt: skip
        reads.append(read)
    return torch.cat(reads, 3)


@every_form
@pytest.mark.parametrize("cut", [1, 7, N, T])
@pytest.mark.parametrize("gradients", [False, True], ids=["reading", "training"])
def test_the_scan_equals_a_loop_over_the_equations(form: str, cut: int, gradients: bool) -> None:
    with torch.set_grad_enabled(gradients):
        ours = scanned(form, inputs(form), cut)
    torch.testing.assert_close(ours.double(), naive(form, *inputs(form)), rtol=1e-4, atol=1e-5)


def test_tokens_of_no_strength_change_nothing() -> None:
    queries, keys, values, strength = inputs("delta")
    never = (strength == 0)[..., None]
    other = (queries, torch.where(never, F.normalize(random(B, H, T, DK, seed=9), dim=-1), keys),
             torch.where(never, 100 * random(B, H, T, DV, seed=9), values), strength)  # fmt: skip
    with torch.no_grad():
        torch.testing.assert_close(scanned("delta", other), scanned("delta", (queries, keys, values, strength)))


@every_form
def test_a_memory_into_which_nothing_was_written_reads_as_zero(form: str) -> None:
    reads = scanned(form, inputs(form))
    assert not reads[:, :, :, :N].any()
    assert reads[:, :, :, N:].abs().sum((-1, 0, 1, 2)).all()


def write_and_read(pairs: list[tuple[Tensor, Tensor]], query: Tensor) -> Tensor:
    """(Dk,) -> (Dv,): what a query finds after a segment with these pairs of key and value."""
    keys = torch.stack([key for key, _ in pairs])[None, None]
    values = torch.stack([value for _, value in pairs])[None, None]
    nothing = torch.zeros(1, 1, 1, len(pairs), DK)
    _, state = scan(
        empty_state(1, 1, DK, DV, torch.device("cpu")), nothing, keys, values, torch.ones(1, 1, len(pairs)),
        rule=delta_rule, segment_tokens=len(pairs), normalise=False,
    )  # fmt: skip
    return query @ state.matrix[0, 0]


def test_what_was_written_is_read_back() -> None:
    key, other = F.normalize(random(2, DK), dim=-1)
    first, second = random(2, DV)
    torch.testing.assert_close(write_and_read([(key, first)], key), first)
    torch.testing.assert_close(write_and_read([(other, first), (key, second)], key), second)


def test_the_last_value_of_a_key_replaces_the_ones_before() -> None:
    key = F.normalize(random(DK), dim=-1)
    first, second = random(2, DV)
    torch.testing.assert_close(write_and_read([(key, first), (key, second)], key), second)


def memory(form: MemoryForm, dtype: torch.dtype = torch.float32) -> DeltaMemory | PaperMemory:
    config = MemoryConfig(form, (0,), segment_tokens=N, heads=H, key_dim=DK, value_dim=DV, lags=3, width=12)
    if form == "delta":
        config = replace(config, exact_heads=(1,))
    torch.manual_seed(4)
    made = DeltaMemory(32, config) if form == "delta" else PaperMemory(H * G, config)
    for name, parameter in made.named_parameters():
        if "gate" in name:
            torch.nn.init.normal_(parameter)
    return made.to(dtype).eval()


def run(made: DeltaMemory | PaperMemory, cut: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, MemoryState]:
    """All T tokens in calls of `cut`: the delta form's output, or the paper form's mixed attention."""
    state: MemoryState | None = None
    outputs = []
    with torch.no_grad():
        for start in range(0, T, cut):
            piece = slice(start, start + cut)
            if isinstance(made, DeltaMemory):
                out, state = made(random(B, T, 32).to(dtype)[:, piece], state)
                outputs.append(out)
            else:
                local, query = (random(B, H * G, T, DK, seed=s).to(dtype)[:, :, piece] for s in (1, 2))
                key, value = (random(B, H, T, DK, seed=s).to(dtype)[:, :, piece] for s in (3, 4))
                out, state = made.mix(local, query, key, value, state, start)
                outputs.append(out.transpose(1, 2))
    assert state is not None
    return torch.cat(outputs, 1), state


@every_form
@pytest.mark.parametrize("cut", [1, 5, N, 37])
def test_reading_in_pieces_is_reading_at_once(form: MemoryForm, cut: int) -> None:
    made = memory(form)
    whole, state = run(made, T)
    pieces, state_of_pieces = run(made, cut)
    torch.testing.assert_close(pieces, whole, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(state_of_pieces.matrix, state.matrix, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("form", ["paper-delta", "paper-linear"])
def test_the_paper_form_mixes_by_its_gate_and_leaves_the_first_segment_alone(form: MemoryForm) -> None:
    made = memory(form)
    assert isinstance(made, PaperMemory)
    mixed, _ = run(made, T)
    local, query = (random(B, H * G, T, DK, seed=s) for s in (1, 2))
    key, value = (random(B, H, T, DK, seed=s) for s in (3, 4))
    assert torch.equal(mixed[:, :N], local.transpose(1, 2)[:, :N])
    features = F.elu(query) + 1, F.elu(key) + 1
    reads = torch.stack(
        [
            torch.stack(
                [naive_head(form, features[0][b, i], features[1][b, i // G], value[b, i // G]) for i in range(H * G)]
            )
            for b in range(B)
        ]
    )
    gate = torch.sigmoid(made.gate.detach().double())[None, :, None, None]
    wanted = gate * reads + (1 - gate) * local.double()
    torch.testing.assert_close(mixed[:, N:].double(), wanted.transpose(1, 2)[:, N:], rtol=1e-4, atol=1e-5)


@every_form
def test_accumulators_are_float32_whatever_the_model(form: MemoryForm) -> None:
    out, state = run(memory(form, torch.bfloat16), 5, torch.bfloat16)
    assert out.dtype == torch.bfloat16
    held = {name: tensor.dtype for name, tensor in state.named_tensors().items()}
    assert held.pop("tally") == torch.float64  # counts of tokens, for people
    assert {*held.values()} == {torch.float32}


def test_a_closed_write_gate_still_learns_from_the_loss_but_not_from_the_penalty() -> None:
    made = DeltaMemory(8, MemoryConfig("delta", (0,), heads=2, key_dim=4, value_dim=4, lags=2, width=4)).train()
    logits = torch.tensor([-6.0, -1.0, 0.0], requires_grad=True)
    for threshold, kept in ((0.0, [0.0, 0.22272966, 0.5]), (0.3, [0.0, 0.0, 0.5])):
        made.train_threshold = threshold
        strength = made._strength(logits)
        torch.testing.assert_close(strength, torch.tensor(kept))
        assert bool((torch.autograd.grad(strength.sum(), logits)[0] > 0).all())
    assert made.last_strength is not None
    penalty = torch.autograd.grad(made.last_strength.sum(), logits)[0]
    assert (penalty[0], bool((penalty[1:] > 0).all())) == (0, True)


def test_the_strength_is_zero_below_the_threshold_and_never_above_one() -> None:
    made = memory("delta")
    assert isinstance(made, DeltaMemory)
    strength = made._strength(torch.linspace(-8, 8, 100)[:, None].expand(-1, H))
    assert not ((strength > 0) & (strength < made.config.write_threshold)).any()
    assert torch.equal(strength[[0, -1]], torch.tensor([[0.0] * H, [1.0] * H]))
    torch.testing.assert_close(made._strength(torch.zeros(1, H)), torch.full((1, H), 0.5))


def test_heads_that_do_not_forget_may_be_stricter_while_reading() -> None:
    made = memory("delta")
    assert isinstance(made, DeltaMemory)
    made.config = replace(made.config, exact_threshold=0.65)
    assert made.config.thresholds() == [0.3, 0.65]
    middling = torch.zeros(1, H)  # strengths of .5
    assert made._strength(middling).tolist() == [[0.5, 0.0]]
    assert made.train()._strength(middling).tolist() == [[0.5, 0.5]]


def test_the_state_of_a_long_reading_is_as_large_as_that_of_a_short_one() -> None:
    model, _ = build_model(tiny.CONFIG)
    cache = StreamingCache(model.eval().config, Tiers(4, 64))
    ids = torch.randint(tiny.VOCABULARY, (1, 20_480), generator=torch.Generator().manual_seed(0))
    sizes = []
    with torch.inference_mode():
        for piece in torch.split(ids, 1024, 1):
            model(piece, past_key_values=cache, use_cache=True, logits_to_keep=1)
            sizes.append(cache.num_bytes())
    assert cache.num_seen == 20_480
    assert sizes[1] == sizes[-1]
    assert sizes[1] < 100_000


def test_a_memory_that_is_off_is_no_memory_at_all() -> None:
    ids = torch.randint(tiny.VOCABULARY, (1, 150), generator=torch.Generator().manual_seed(1))

    def logits(use_memory: bool) -> Tensor:
        cache = StreamingCache(model.config, Tiers(4, 64), use_memory=use_memory)
        with torch.inference_mode():
            pieces = [model(p, past_key_values=cache, use_cache=True).logits for p in torch.split(ids, 50, 1)]
        return torch.cat(pieces, 1)

    torch.manual_seed(0)
    model, memories = build_model(tiny.CONFIG)
    model.eval()
    for made in memories.values():
        made.eval()
    off, on = logits(use_memory=False), logits(use_memory=True)
    for module in model.modules():
        if hasattr(module, "longdoc_memory"):
            module._forward_hooks.clear()
            object.__delattr__(module, "longdoc_memory")
    assert torch.equal(logits(use_memory=True), off)
    assert not torch.allclose(on, off, atol=1e-3)


def test_muted_heads_are_not_read_and_deaf_ones_learn_nothing_from_the_loss() -> None:
    torch.manual_seed(0)
    config = MemoryConfig(
        "delta", (0,), segment_tokens=4, heads=2, key_dim=4, value_dim=4, lags=2, width=4, write_threshold=0
    )
    made = DeltaMemory(8, config).train()
    hidden = torch.randn(1, 12, 8)

    def taught() -> Tensor:
        """How much each head's write gate is taught by what is read."""
        made.zero_grad()
        made(hidden)[0].square().sum().backward()
        assert made.write_gate.weight.grad is not None
        return made.write_gate.weight.grad.abs().sum(1) > 0

    assert taught().tolist() == [True, True]
    made.deaf_heads = [1]
    assert taught().tolist() == [True, False]
    made.deaf_heads, made.muted_heads = [], [0]
    assert taught().tolist() == [False, True]
    with torch.no_grad():
        made.muted_heads = []
        whole = made(hidden)[0]
        made.muted_heads = [0, 1]
        assert bool((made(hidden)[0] == 0).all())
        torch.testing.assert_close(made.eval()(hidden)[0], whole)  # muted in training only


def test_the_paper_memory_adds_up_in_float32_also_under_autocast() -> None:
    memory = PaperMemory(4, MemoryConfig("paper-delta", (0,), segment_tokens=8), gate_init=0.0)
    query, key, value = (torch.randn(1, heads, 40, 16) for heads in (4, 2, 2))
    expected, state = memory.mix(query, query, key, value, None, 0)
    with torch.autocast("cpu", torch.bfloat16):
        mixed, under_autocast = memory.mix(query, query, key, value, None, 0)
    assert torch.equal(under_autocast.matrix, state.matrix)
    assert torch.equal(mixed, expected)
