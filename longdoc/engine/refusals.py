"""Models that cannot be streamed, told from their configuration before any weights are fetched, each with the reason.

What is not known here is caught when the model is loaded: by the self-check, which compares logits.
"""

from __future__ import annotations

from typing import Any

from longdoc.core.errors import ModelUnavailable

CHOOSE = "choose a Llama, Qwen, Mistral, Gemma, Phi, SmolLM, Granite, OLMo, GLM-4 or Cohere model"
_STREAMED_LAYERS = frozenset({"full_attention", "sliding_attention"})
_RECURRENT_LAYERS = frozenset({"linear_attention", "hybrid", "mamba", "recurrent", "conv"})
_RECURRENT = ("mamba", "ssm_", "state_size", "linear_conv_kernel_dim", "block_types", "layers_block_type", "rwkv")
_LEARNED_SINKS = frozenset({"gpt_oss"})
_RECURRENT_TYPES = frozenset({"rwkv", "xlstm"})


def refuse_what_cannot_be_streamed(config: Any, name: str) -> None:
    """Raise ModelUnavailable (69), with the reason, when a model of this configuration cannot work."""
    if why := reason(config):
        raise ModelUnavailable(
            f"The model {name} (of the type {config.model_type}) cannot be streamed.", why=why, fix=CHOOSE
        )


def reason(config: Any) -> str | None:
    """Why a model of this configuration cannot work; None when nothing speaks against it."""
    text = config.get_text_config(decoder=True)
    settings = {key for key, value in text.to_dict().items() if value is not None}
    kinds = set(getattr(text, "layer_types", None) or ())
    if getattr(config, "is_encoder_decoder", False):
        return "it has an encoder, and longdoc reads with decoders"
    if getattr(text, "kv_lora_rank", None):
        return "its keys and values are latent (MLA): there are none for each head and token that could be kept"
    if text.model_type in _LEARNED_SINKS:
        return "its attention sinks are learned numbers; longdoc's are tokens, and the two do not combine"
    if found := sorted(kinds & _RECURRENT_LAYERS):
        return f"it has layers with a recurrent state ({', '.join(found)}), which longdoc does not keep"
    if others := sorted(kinds - _STREAMED_LAYERS):
        return f"it has layers of the kind {', '.join(others)}; longdoc streams full and sliding attention only"
    is_recurrent = not kinds and any(key.startswith(_RECURRENT) for key in settings)
    if is_recurrent or text.model_type in _RECURRENT_TYPES:
        return "its layers carry a recurrent state, which longdoc does not keep"
    if getattr(text, "num_kv_shared_layers", 0):
        return "some of its layers use the keys and values of others"
    if getattr(text, "rope_parameters", None) is None:
        return "it has no rotary positions, and longdoc gives positions within what is kept"
    return None
