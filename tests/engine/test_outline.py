"""What is known of a model without its weights is what is found when they are loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import tiny
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from longdoc.core.errors import ModelUnavailable
from longdoc.core.settings import ModelOptions
from longdoc.engine.load import load_model
from longdoc.engine.outline import multiplies_bfloat16, outline, reading_bytes
from longdoc.engine.plan import plan_reading
from longdoc.engine.products import processor_multiplies_bfloat16

TEXT = "The silver captain opened 12 letters.<|endoftext|> Überall \U0001f600 <pad>\n\n  Two  spaces."


def stock(folder: Path) -> Path:
    """A model whose tokenizer and configuration are those that transformers builds."""
    torch.manual_seed(7)
    shape = tiny.SHAPE | {"vocab_size": tiny.tokenizer().get_vocab_size()}
    tiny.save(LlamaForCausalLM(LlamaConfig(**shape)), folder)
    return folder


@pytest.mark.parametrize("kind", ["embedded", "without adapter", "stock"])
def test_it_says_what_loading_finds(kind: str, tmp_path: Path) -> None:
    folder = stock(tmp_path) if kind == "stock" else tiny.checkpoint(tmp_path)
    options = ModelOptions(str(folder), offline=True, device="cpu", adapter="none" if kind != "embedded" else None)
    before, after = outline(options), load_model(options)
    assert before.info == after.info
    assert before.adapter == after.adapter
    assert before.native_tokens == after.native_tokens
    assert before.element_bytes == after.element_bytes
    assert list(before.encode(TEXT)) == [
        (token, *span)
        for encoded in [after.tokenizer(TEXT, add_special_tokens=False, split_special_tokens=True,
                                        return_offsets_mapping=True)]
        for token, span in zip(encoded["input_ids"], encoded["offset_mapping"], strict=True)
    ]  # fmt: skip
    for num_tokens in (100, 10_000):
        assert plan_reading(before, options, num_tokens) == plan_reading(after, options, num_tokens)
    held = sum(p.numel() * p.element_size() for p in after.model.parameters())
    added = sum(t.numel() * t.element_size() for t in _memories(after.model))
    assert held <= before.weights <= (held + added) * 1.01 + 4096


def _memories(model: torch.nn.Module) -> list[torch.Tensor]:
    found = [getattr(module, "longdoc_memory", None) for module in model.modules()]
    return [tensor for memory in found if memory is not None for tensor in memory.state_dict().values()]


def test_this_processors_precision_is_torchs_own() -> None:
    assert multiplies_bfloat16() == processor_multiplies_bfloat16()


def test_what_is_kept_does_not_grow_with_the_document(tmp_path: Path) -> None:
    options = ModelOptions(str(tiny.checkpoint(tmp_path)), offline=True, device="cpu")
    model = outline(options)
    short, long = (reading_bytes(model, plan_reading(model, options, n), n) for n in (10_000, 1_000_000))
    assert short == long
    exact = ModelOptions(str(tmp_path), offline=True, device="cpu", attention="exact")
    assert reading_bytes(model, plan_reading(model, exact, 10_000), 10_000)[0] > 10 * short[0]


def test_quantized_weights_take_less(tmp_path: Path) -> None:
    folder = stock(tmp_path)
    sizes = [outline(ModelOptions(str(folder), offline=True, device="cpu", quantize=q)) for q in ("none", "4bit")]
    assert sizes[1].weights < sizes[0].weights
    assert [size.info.quantization for size in sizes] == ["none", "nf4"]


def test_a_model_that_is_not_there_is_69(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable):
        outline(ModelOptions(str(tmp_path / "nowhere"), offline=True))
    (tmp_path / "config.json").write_text("no JSON")
    with pytest.raises(ModelUnavailable):
        outline(ModelOptions(str(tmp_path), offline=True))


def test_the_embedded_model_is_outlined_without_torch(child_environment: dict[str, str]) -> None:
    program = (
        "import json, sys; from longdoc.pipeline.plan import outline; from longdoc.core.settings import ModelOptions;"
        "model = outline(ModelOptions(device='cpu'));"
        "heavy = {'torch', 'transformers', 'numpy', 'huggingface_hub'} & {name.split('.')[0] for name in sys.modules};"
        "print(json.dumps([model.info.id, sorted(heavy)]))"
    )
    done = subprocess.run([sys.executable, "-c", program], env=child_environment, capture_output=True, check=True)
    assert json.loads(done.stdout) == ["embedded", []]
