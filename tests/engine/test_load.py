"""From a name to a model that reads, and every way in which that may fail."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from transformers import AutoConfig, AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from longdoc.core.errors import ModelUnavailable, OutOfMemory
from longdoc.core.settings import ModelOptions
from longdoc.engine.cache import KEEP_ALL, StreamingCache, Tiers
from longdoc.engine.decoding import Decoding
from longdoc.engine.load import LoadedModel, load_model
from longdoc.engine.reader import Reader, plan_reading
from longdoc.engine.sizes import weight_bytes

IDS = torch.arange(1, 101)[None]


def options(folder: Path | str, **changes: object) -> ModelOptions:
    return ModelOptions(**{"model": str(folder), "offline": True, "device": "cpu", **changes})  # type: ignore[arg-type]


def refused(asked: ModelOptions) -> ModelUnavailable:
    with pytest.raises(ModelUnavailable) as caught:
        load_model(asked)
    assert caught.value.exit_code == 69
    assert caught.value.why
    assert caught.value.fix
    return caught.value


@pytest.fixture
def copied(checkpoint: Path, tmp_path: Path) -> Path:
    """A checkpoint that a test may damage."""
    return shutil.copytree(checkpoint, tmp_path / "copy")


def test_an_exported_folder_is_a_model_with_its_memory(checkpoint: Path, loaded: LoadedModel) -> None:
    assert loaded.has_memory
    assert loaded.adapter is not None
    assert (loaded.adapter.name, loaded.info.adapter, loaded.info.id) == ("tiny", "tiny", str(checkpoint))
    assert loaded.info.quantization == "none"
    assert loaded.native_tokens == 68
    assert loaded.tokenizer("A lantern.")["input_ids"]
    assert loaded.num_parameters == sum(p.numel() for p in loaded.model.parameters())
    assert not loaded.model.training


def last_logits(model: LoadedModel, *, memory: bool) -> torch.Tensor:
    """(V,) after 100 tokens in one call, so that the cut plays no part."""
    asked = ModelOptions(attention="stream", sinks=4, window=64, segment_tokens=128, memory=memory)
    reader = Reader(model, plan_reading(model, asked, 100))
    logits = reader.read(reader.start(), IDS[0].tolist()).logits
    assert logits is not None
    return logits


def test_the_adapter_named_none_switches_the_memory_off(checkpoint: Path, loaded: LoadedModel) -> None:
    plain = load_model(options(checkpoint, adapter="none"))
    assert plain.adapter is not None  # how it reads and answers stays
    assert plain.adapter.memory is None
    assert not plain.has_memory
    assert plain.info.adapter is None
    states = []
    for each, asked in (
        (plain, options(checkpoint)),
        (loaded, options(checkpoint, memory=False)),
        (loaded, options(checkpoint)),
    ):
        plan = plan_reading(each, ModelOptions(attention="stream", sinks=4, window=64, memory=asked.memory), 100)
        reader = Reader(each, plan)
        states.append(reader.read(reader.start(), IDS[0].tolist()).logits)
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])


def test_a_loaded_model_says_what_the_stock_model_says(checkpoint: Path) -> None:
    plain = load_model(options(checkpoint, adapter="none"))
    stock = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=plain.model.dtype).eval()
    with torch.inference_mode():
        cache = StreamingCache(plain.model.config, Tiers(4, KEEP_ALL))
        ours = plain.model(IDS, past_key_values=cache, use_cache=True).logits.float()
        theirs = stock(IDS).logits.float()
    assert float((ours - theirs).norm() / theirs.norm()) < 0.05


def test_a_model_that_reads_right_and_writes_wrong_is_refused(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Decoding.step

    def late(self: Decoding, *args: Any) -> torch.Tensor:
        self.keys[:, :, self.num_fixed :] = self.keys[:, :, self.num_fixed :].roll(1, -1)
        return step(self, *args)

    monkeypatch.setattr(Decoding, "step", late)
    assert "gives other results" in refused(options(checkpoint, adapter="none")).what


def test_a_small_model_takes_one_thread_unless_told_otherwise(checkpoint: Path) -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        load_model(options(checkpoint))
        assert torch.get_num_threads() == 1
        load_model(options(checkpoint, threads=2))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_an_adapter_may_lie_elsewhere(checkpoint: Path, copied: Path) -> None:
    for name in ("adapter.toml", "adapter.safetensors"):
        (copied / name).unlink()
    assert load_model(options(copied)).adapter is None
    assert load_model(options(copied, adapter=str(checkpoint))).has_memory


def test_an_adapter_that_does_not_exist_is_refused(checkpoint: Path) -> None:
    refused(options(checkpoint, adapter="no-such-adapter"))


@pytest.mark.parametrize(("old", "new"), [("layers = [1]", "layers = [1, 9]"), ("key_dim = 16", "key_dim = 32")])
def test_an_adapter_of_another_model_is_refused(copied: Path, old: str, new: str) -> None:
    settings = copied / "adapter.toml"
    assert old in settings.read_text()
    settings.write_text(settings.read_text().replace(old, new))
    refused(options(copied))


@pytest.mark.parametrize("name", ["nobody/no-such-model", "no/such/folder", "../nowhere"])
def test_a_model_that_is_not_there_is_refused_without_asking_the_network(name: str) -> None:
    assert name in refused(options(name)).what


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize("change", ["missing", "damaged"])
def test_a_broken_checkpoint_is_refused(copied: Path, name: str, change: str) -> None:
    if change == "missing":
        (copied / name).unlink()
    else:
        (copied / name).write_bytes(b"{nothing of use")
    refused(options(copied))


def test_a_checkpoint_without_some_of_its_weights_is_refused(copied: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(copied / "model.safetensors")
    del weights["model.layers.1.self_attn.q_proj.weight"]
    save_file(weights, copied / "model.safetensors", {"format": "pt"})
    assert "q_proj" in str(refused(options(copied)).why)


def test_a_configuration_that_is_not_the_models_own_is_refused(copied: Path) -> None:
    config = json.loads((copied / "config.json").read_text())
    (copied / "config.json").write_text(json.dumps({**config, "model_type": "mamba"}))
    refused(options(copied))


def test_a_model_without_rotary_positions_is_refused(tmp_path: Path) -> None:
    tiny.save(GPT2LMHeadModel(GPT2Config(vocab_size=97, n_positions=64, n_embd=64, n_layer=2, n_head=4)), tmp_path)
    assert "rotary" in refused(options(tmp_path)).what


@pytest.mark.parametrize("name", ["nonsense", "cuda:99", "cpu:x"])
def test_a_device_that_is_not_there_is_refused(checkpoint: Path, name: str) -> None:
    assert name in refused(options(checkpoint, device=name)).what


def test_weights_that_cannot_fit_are_an_error_before_they_are_fetched(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from longdoc.engine import load

    (copied / "model.safetensors").unlink()
    monkeypatch.setattr(load, "free_bytes", lambda device: 10_000)
    with pytest.raises(OutOfMemory) as caught:
        load_model(options(copied))
    assert caught.value.exit_code == 71
    assert "0.0 GB are free" in str(caught.value.why)
    assert "4bit" in str(caught.value.fix)


def test_weights_in_float32_need_twice_the_room(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from longdoc.engine import load

    needed = weight_bytes(AutoConfig.from_pretrained(checkpoint))
    monkeypatch.setattr(load, "free_bytes", lambda device: int(1.5 * needed))
    load_model(options(checkpoint), torch.bfloat16)
    with pytest.raises(OutOfMemory):
        load_model(options(checkpoint), torch.float32)


@pytest.fixture(scope="module")
def four_bit(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    pytest.importorskip("bitsandbytes")
    folder = tmp_path_factory.mktemp("four-bit")
    torch.manual_seed(0)
    shape = {**tiny.SHAPE, "vocab_size": tiny.VOCABULARY, "intermediate_size": 128, "num_key_value_heads": 4}
    tiny.save(LlamaForCausalLM(LlamaConfig(**shape)), folder)
    return load_model(options(folder, quantize="4bit"))


def layers_of(model: LoadedModel) -> list[Any]:
    return [module for module in model.model.modules() if hasattr(module, "support_avx512bf16_for_cpu")]


def test_four_bits_work_on_the_cpu(four_bit: LoadedModel) -> None:
    assert four_bit.info.quantization == "nf4"
    assert four_bit.model.model.layers[0].self_attn.q_proj.weight.dtype == torch.uint8
    reader = Reader(four_bit, plan_reading(four_bit, ModelOptions(), 10_000))
    state = reader.read(reader.start(), IDS[0].tolist())
    assert len(list(reader.write(state, max_tokens=3))) == 3


def test_the_packed_kernel_is_on_while_writing_and_off_while_reading(four_bit: LoadedModel) -> None:
    reader = Reader(four_bit, plan_reading(four_bit, ModelOptions(), 10_000))
    state = reader.read(reader.start(), IDS[0, :60].tolist())
    before = reader.read(state, IDS[0, 60:].tolist())
    scored = reader.score(state, [[5, 6, 7]])
    weights = [layer.weight.data.clone() for layer in layers_of(four_bit)]
    assert not any(layer.support_avx512bf16_for_cpu for layer in layers_of(four_bit))
    for _ in range(3):  # there and back, again and again
        writing = reader.write(state, max_tokens=4)
        words = [next(writing), next(writing)]
        if not four_bit.kernel or not four_bit.kernel._layers:
            pytest.skip("this processor has no packed kernel")
        assert all(layer.support_avx512bf16_for_cpu for layer in layers_of(four_bit))
        assert all(layer.weight.quant_state.packing_format_for_cpu for layer in layers_of(four_bit))
        after = reader.read(state, IDS[0, 60:].tolist())  # a fork of the state that is being written from
        assert not any(layer.support_avx512bf16_for_cpu for layer in layers_of(four_bit))
        assert after.logits is not None
        assert before.logits is not None
        assert torch.equal(after.logits, before.logits)
        assert torch.equal(reader.score(state, [[5, 6, 7]])[0], scored[0])
        assert all(map(torch.equal, (layer.weight.data for layer in layers_of(four_bit)), weights))
        words += list(writing)  # and the writing goes on
        assert len(words) == 4


def test_without_a_way_back_the_packed_kernel_stays_off(four_bit: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    from longdoc.engine import cpu_kernel

    monkeypatch.setattr(cpu_kernel, "_inverse", lambda: None)
    for layer in layers_of(four_bit):
        layer.support_avx512bf16_for_cpu = True
    kernel = cpu_kernel.FourBitKernel(four_bit.model)
    kernel.for_writing()
    assert not any(layer.support_avx512bf16_for_cpu for layer in layers_of(four_bit))
