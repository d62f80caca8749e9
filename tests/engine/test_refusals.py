"""Models that cannot work are refused from their configuration, by name and with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import CONFIG_MAPPING

from longdoc.bench.families import ALL, build
from longdoc.core.errors import ModelUnavailable
from longdoc.core.settings import ModelOptions
from longdoc.engine.load import load_model
from longdoc.engine.refusals import reason

REFUSED = {
    "deepseek_v2": "latent",
    "deepseek_v3": "latent",
    "minicpm3": "latent",
    "longcat_flash": "latent",
    "gpt_oss": "learned",
    "mamba": "recurrent",
    "mamba2": "recurrent",
    "jamba": "recurrent",
    "bamba": "recurrent",
    "falcon_h1": "recurrent",
    "zamba2": "recurrent",
    "recurrent_gemma": "recurrent",
    "rwkv": "recurrent",
    "nemotron_h": "recurrent",
    "qwen3_next": "recurrent",
    "minimax": "recurrent",
    "granitemoehybrid": "recurrent",
    "llama4": "chunked_attention",
    "gemma3n": "of others",
    "gpt2": "rotary",
    "opt": "rotary",
    "bloom": "rotary",
    "mpt": "rotary",
    "bart": "encoder",
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("model_type", "word"), REFUSED.items())
def test_a_model_that_cannot_work_is_refused_with_the_reason(model_type: str, word: str) -> None:
    assert word in str(reason(CONFIG_MAPPING[model_type]()))


@pytest.mark.parametrize("name", ALL)
def test_a_family_that_is_streamed_is_not_refused(name: str) -> None:
    assert reason(build(name).config) is None


@pytest.mark.parametrize("model_type", ["deepseek_v3", "gpt_oss", "jamba", "gpt2"])
def test_no_weights_are_needed_to_refuse(model_type: str, tmp_path: Path) -> None:
    CONFIG_MAPPING[model_type]().save_pretrained(tmp_path)
    with pytest.raises(ModelUnavailable) as caught:
        load_model(ModelOptions(str(tmp_path), offline=True, device="cpu"))
    assert model_type in caught.value.what
    assert REFUSED[model_type] in str(caught.value.why)
    assert "Llama" in str(caught.value.fix)


@pytest.mark.filterwarnings("ignore")
def test_layers_that_are_all_attention_make_a_hybrid_a_plain_model() -> None:
    config = CONFIG_MAPPING["granitemoehybrid"](num_hidden_layers=2, layer_types=["full_attention"] * 2)
    assert reason(config) is None
