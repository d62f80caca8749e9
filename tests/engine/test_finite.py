"""A number that is not finite stops the reading with one error, and no state holds it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import tiny
import torch

from longdoc.core.errors import LongdocError
from longdoc.core.settings import ModelOptions
from longdoc.engine.finite import check_state
from longdoc.engine.load import LoadedModel
from longdoc.engine.plan import plan_reading
from longdoc.engine.reader import Reader


def ids(num_tokens: int) -> list[int]:
    return torch.randint(1, tiny.VOCABULARY, (num_tokens,), generator=torch.Generator().manual_seed(0)).tolist()


def reader_of(loaded: LoadedModel, **options: Any) -> Reader:
    return Reader(loaded, plan_reading(loaded, ModelOptions(**options), 1000))


@contextmanager
def poisoned(loaded: LoadedModel, place: str, value: float) -> Iterator[None]:
    """One number of a weight is another for a while. place: a parameter's name, or `memory.` and one of layer 1's."""
    memory = loaded.model.model.layers[1].self_attn.longdoc_memory
    name = place.removeprefix("memory.")
    weight = memory.get_parameter(name) if name != place else loaded.model.get_parameter(place)
    with torch.no_grad():
        flat = weight.view(-1)
        good = flat[0].clone()
        flat[0] = value
        try:
            yield
        finally:
            flat[0] = good


PLACES = {
    "model.layers.0.self_attn.k_proj.weight": "window of layer 0",
    "model.layers.0.mlp.down_proj.weight": "window of layer 1",
    "memory.value.weight": "memory of layer 1",
    "memory.reduce.weight": "memory of layer 1",
    "memory.write_gate.weight": "memory of layer 1",
    "model.layers.1.mlp.down_proj.weight": "the model's output",
    "model.norm.weight": "the model's output",
}


@pytest.mark.parametrize(
    ("place", "named", "value"),
    [
        *((place, named, float("nan")) for place, named in PLACES.items()),
        *((place, named, float("inf")) for place, named in PLACES.items() if "gate" not in place),
    ],
)
def test_the_error_names_the_layer_and_the_state_stays_good(
    loaded: LoadedModel, place: str, named: str, value: float
) -> None:
    reader = reader_of(loaded)
    state = reader.read(reader.start(), ids(100))
    before = reader.read(state, ids(50)).logits
    with poisoned(loaded, place, value):
        with pytest.raises(LongdocError) as caught:
            reader.read(state, ids(50))
        assert (caught.value.exit_code, caught.value.what) == (1, "The model has come to numbers that are not finite.")
        assert named in str(caught.value.why)
        assert caught.value.fix
        if not place.startswith("memory."):  # what a few tokens write is not read yet
            with pytest.raises(LongdocError, match="not finite"):
                reader.score(state, [ids(5)])
            with pytest.raises(LongdocError, match="not finite"):
                list(reader.write(state, max_tokens=3))
    after = reader.read(state, ids(50)).logits
    assert before is not None
    assert after is not None
    assert torch.equal(before, after)


@pytest.mark.parametrize("options", [{"highlights": 16, "window": 32}, {"kv_bits": 8}, {"memory": False}])
def test_every_kind_of_state_is_looked_at(loaded: LoadedModel, options: dict[str, Any]) -> None:
    reader = reader_of(loaded, attention="stream", **options)
    with (
        poisoned(loaded, "model.layers.0.self_attn.v_proj.weight", float("nan")),
        pytest.raises(LongdocError) as caught,
    ):
        reader.read(reader.start(), ids(200))
    assert "of layer 0" in str(caught.value.why)


def test_no_tensor_of_a_state_is_left_out(loaded: LoadedModel) -> None:
    """Each tensor that a call may have changed: poisoned, it is found."""
    reader = reader_of(loaded, attention="stream", highlights=16, window=32)
    cache = reader.read(reader.start(), ids(203)).cache
    check_state(cache, 203)
    with torch.inference_mode():
        for name, tensor in cache.named_tensors().items():
            if tensor.is_floating_point() and tensor.numel():
                good = tensor.view(-1)[-1].clone()
                tensor.view(-1)[-1] = float("nan")
                with pytest.raises(LongdocError) as caught:
                    check_state(cache, 203)
                assert f"layer {name[0]}" in str(caught.value.why)
                tensor.view(-1)[-1] = good
    check_state(cache, 203)
