"""From a model's name to weights that read: checkpoint, tokenizer, adapter, quantization, self-check.

Knows nothing of documents, prompts or results.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from logging import ERROR, getLogger
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor

from longdoc.core.collecting import loaded
from longdoc.core.errors import ModelUnavailable, OutOfMemory
from longdoc.core.settings import ModelOptions, Quantize
from longdoc.core.started import size_here
from longdoc.core.types import ModelInfo
from longdoc.engine.adapter import AdapterInfo, attach_adapter, load_adapter
from longdoc.engine.attention import install
from longdoc.engine.cache import KEEP_ALL, StreamingCache, Tiers
from longdoc.engine.cpu_kernel import FourBitKernel
from longdoc.engine.lora import Lora
from longdoc.engine.places import adapter_folder
from longdoc.engine.places import resolve as resolve
from longdoc.engine.products import processor_multiplies_bfloat16
from longdoc.engine.refusals import CHOOSE, refuse_what_cannot_be_streamed
from longdoc.engine.ring.processes import Group
from longdoc.engine.sizes import free_bytes, weight_bytes
from longdoc.engine.unavailable import check_reachable, explain, first_lines

_CHECK_TOKENS = 32
_CHECK_CALLS = [18, 11, 1, 1, 1]
_WEIGHTS_SHARE = 0.6  # of a GPU's free memory, from which on auto quantizes: the rest is for reading


# Below this, products are too short to share: two threads gain a sixth on a machine that does nothing else, and wait
# for each other, three times as slow as one, on a busy one.
_SMALL_PARAMETERS = 50_000_000


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model in evaluation mode under longdoc's attention, with its tokenizer and what is known of it.

    native_tokens: the context that it was trained for.   adapter, lora: None when it has none.
    kernel: of 4-bit weights on a processor; a reader switches it.   group: the processes of a ring that loaded it too.
    """

    model: Any
    tokenizer: Any
    info: ModelInfo
    adapter: AdapterInfo | None
    native_tokens: int
    num_parameters: int
    device: torch.device
    kernel: FourBitKernel | None = None
    lora: Lora | None = None
    group: Group | None = None

    @property
    def has_memory(self) -> bool:
        return self.adapter is not None and self.adapter.memory is not None

    @property
    def config(self) -> Any:
        """The model's configuration."""
        return self.model.config

    @property
    def element_bytes(self) -> int:
        """Of one number in keys, values and activations."""
        return int(self.model.dtype.itemsize)


def load_model(options: ModelOptions, dtype: torch.dtype | None = None) -> LoadedModel:
    """Load, quantize, check and wire a model. dtype: of its numbers, None for the device's own choice.

    Raises ModelUnavailable (69) when it is not there or cannot work, OutOfMemory (71) when it does not fit.
    """
    _quieten()
    device = device_of(options.device)
    path = resolve(options.model)
    tokenizer, model, quantization = _load_stock(path, options, device, dtype or _dtype(device))
    threads = options.threads or (1 if model.num_parameters() < _SMALL_PARAMETERS else None)
    if threads:
        torch.set_num_threads(threads)
    model.eval().requires_grad_(False)
    loaded()
    kernel = FourBitKernel(model)
    _self_check(model, str(path), device)
    folder = adapter_folder(options.adapter, path)
    adapter = load_adapter(folder) if folder else None
    if adapter is not None and options.adapter == "none":  # how the model reads and answers stays, without its memory
        adapter = replace(adapter, memory=None, lora=None)
    lora = None
    if folder is not None and adapter is not None and (adapter.memory or adapter.lora):
        lora = attach_adapter(model, folder, adapter)
    text_config = model.config.get_text_config(decoder=True)
    return LoadedModel(
        model=model,
        tokenizer=tokenizer,
        info=ModelInfo(
            id=options.model,
            revision=options.revision or getattr(model.config, "_commit_hash", None),
            quantization=quantization,
            adapter=adapter.name if adapter and options.adapter != "none" else None,
        ),
        adapter=adapter,
        native_tokens=int(getattr(text_config, "max_position_embeddings", 2048)),
        num_parameters=model.num_parameters(),
        device=device,
        kernel=kernel,
        lora=lora,
    )


def _quieten() -> None:
    """longdoc draws its own progress; a library's bars and hints would end up between its lines."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    getLogger("huggingface_hub").setLevel(ERROR)  # its retries: the error at their end says it all
    getLogger("bitsandbytes").setLevel(ERROR)  # faster kernels that could be downloaded
    logging.disable_progress_bar()
    warnings.filterwarnings("ignore", module="transformers|bitsandbytes|torch")


def device_of(name: str) -> torch.device:
    """The device of that name; for "auto" the first GPU when there is one."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ModelUnavailable(
            f"The device {name} cannot be used.", why=str(error).split("\n")[0], fix="--device cpu, or --device auto"
        ) from error
    return device


def _load_stock(
    path: str | Path, options: ModelOptions, device: torch.device, dtype: torch.dtype
) -> tuple[Any, Any, str]:
    """Tokenizer and stock model, quantized as asked; -> also the quantization's name."""
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    common: dict[str, Any] = {"revision": options.revision, "local_files_only": options.offline or None}
    common = {k: v for k, v in common.items() if v is not None}
    check_reachable(path, options)
    try:
        config = AutoConfig.from_pretrained(path, **common)
        refuse_what_cannot_be_streamed(config, options.model)
        tokenizer = AutoTokenizer.from_pretrained(path, **common)
        quantization, arguments = _quantization(options, config, device, dtype)
        model, loading = AutoModelForCausalLM.from_pretrained(
            path, dtype=dtype, attn_implementation="sdpa", output_loading_info=True, **arguments, **common
        )
        if missing := sorted(loading["missing_keys"]):  # transformers would fill them with random numbers
            raise ValueError(f"the checkpoint lacks {len(missing)} tensors, among them {missing[0]}")
        if not arguments:
            model.to(device)
    except torch.OutOfMemoryError as error:
        raise OutOfMemory(
            f"The model {options.model} does not fit on {device}.",
            why=str(error).split("\n")[0],
            fix="--quantize 4bit, a smaller model, or --device cpu",
        ) from error
    except (
        OSError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        ImportError,
        RuntimeError,
        SafetensorError,
    ) as error:
        raise explain(options, error) from error
    if not tokenizer.is_fast:
        raise ModelUnavailable(
            f"The model {options.model} has no fast tokenizer.", why="longdoc needs the offsets of tokens", fix=CHOOSE
        )
    return tokenizer, model, quantization


def _dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the hardware multiplies it, else float32."""
    if device.type != "cpu" or processor_multiplies_bfloat16():
        return torch.bfloat16
    return torch.float32


def chosen_quantization(options: ModelOptions, config: Any, device: torch.device) -> Quantize:
    """As asked; auto: 4 bit on a GPU that is too small for bfloat16."""
    if options.quantize != "auto":
        return options.quantize
    free = free_bytes(device)
    is_small = device.type == "cuda" and free is not None and weight_bytes(config) > _WEIGHTS_SHARE * free
    return "4bit" if is_small else "none"


def auto_quantization(options: ModelOptions, device: torch.device) -> Quantize:
    """What `auto` stands for on a device; "auto" for a checkpoint that is quantized, or that cannot be opened."""
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(
            resolve(options.model), revision=options.revision, local_files_only=options.offline
        )
    except (OSError, ValueError):  # who loads it will say so
        return "auto"
    return "auto" if getattr(config, "quantization_config", None) else chosen_quantization(options, config, device)


def _quantization(
    options: ModelOptions, config: Any, device: torch.device, dtype: torch.dtype
) -> tuple[str, dict[str, Any]]:
    """The name of the quantization and the arguments that load it."""
    if getattr(config, "quantization_config", None) is not None:
        return "as saved", {"device_map": {"": str(device)}}
    wanted = chosen_quantization(options, config, device)
    together = size_here() if options.attention == "ring" and device.type == "cpu" else 1
    _check_room(options.model, config, wanted, device, dtype, together)
    if wanted == "none":
        return "none", {}
    from transformers import BitsAndBytesConfig

    if wanted == "8bit":
        name, settings = "8bit", BitsAndBytesConfig(load_in_8bit=True)
    else:
        name, settings = "nf4", BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
        )  # fmt: skip
    return name, {"quantization_config": settings, "device_map": {"": str(device)}}


def _check_room(
    name: str, config: Any, quantize: str, device: torch.device, dtype: torch.dtype, together: int = 1
) -> None:
    """Raise OutOfMemory (71) before weights are fetched that cannot fit. together: processes that load them."""
    needed, free = together * weight_bytes(config, quantize), free_bytes(device)
    if quantize == "none":  # counted in bfloat16
        needed = needed * dtype.itemsize // 2
    if free is not None and needed > free:
        fix = "a smaller model" if quantize == "4bit" else "--quantize 4bit, or a smaller model"
        raise OutOfMemory(
            f"The model {name} does not fit on {device}.",
            why=f"its weights take about {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free",
            fix=fix if device.type == "cpu" else f"{fix}, or --device cpu",
        )


def _self_check(model: Any, name: str, device: torch.device) -> None:
    """A short text through stock attention and through ours with a covering window: refuse a model that differs.

    Ours reads it in two calls and takes the last tokens one by one, so reading and writing are both checked.
    Catches families that the hooks do not fit (latent attention, learned sinks, unknown rotations) without a list.
    """
    generator = torch.Generator().manual_seed(0)
    vocab = model.get_input_embeddings().weight.shape[0]
    ids = torch.randint(vocab, (1, _CHECK_TOKENS), generator=generator).to(device)
    try:
        with torch.inference_mode():
            stock: Tensor = model(ids, use_cache=False).logits.float()
            install(model)
            cache = StreamingCache(model.config, Tiers(sinks=4, window=KEEP_ALL))
            calls = torch.split(ids, _CHECK_CALLS, 1)
            ours = torch.cat([model(call, past_key_values=cache, use_cache=True).logits for call in calls], 1)
    except (RuntimeError, TypeError, AttributeError, IndexError, AssertionError) as error:
        raise ModelUnavailable(f"The model {name} cannot be streamed.", why=first_lines(error), fix=CHOOSE) from error
    difference = (ours.float() - stock).norm() / stock.norm()
    tolerance = 1e-3 if next(model.parameters()).dtype == torch.float32 else 5e-2
    if not bool(difference <= tolerance):
        raise ModelUnavailable(
            f"The model {name} gives other results under longdoc's attention.",
            why=f"logits differ by {float(difference):.2g}, more than {tolerance:g}",
            fix=CHOOSE,
        )
