"""What is known of a model without its weights: configuration, tokenizer, adapter, and how many bytes they will take.

Imports torch and transformers only where the files of a checkpoint do not say enough: for a GPU, for weights that were
not fetched yet, and for tokenizers that transformers builds in its own way. Knows nothing of documents.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from longdoc.core.settings import ModelOptions
from longdoc.core.types import ModelInfo
from longdoc.engine.adapter_file import WEIGHTS_FILE, AdapterInfo, load_adapter
from longdoc.engine.places import adapter_folder, resolve
from longdoc.engine.plan import ReadingPlan
from longdoc.engine.refusals import refuse_what_cannot_be_streamed
from longdoc.engine.sizes import cache_bytes, kv_dims, memory_bytes, weight_bytes, workspace_bytes
from longdoc.engine.unavailable import check_reachable, explain

Encode = Callable[[str], Iterable[tuple[int, int, int]]]

# Python with torch and transformers, less the weights and what is estimated of a reading; measured on Linux with torch
# 2.13 for the CPU (`longdoc bench plan`).
PROGRAM_BYTES = 415_000_000

_PLAIN_TOKENIZERS = ("PreTrainedTokenizerFast", "TokenizersBackend")  # those that are their tokenizer.json, no more
_SAID = ("layer_types", "head_dim", "num_key_value_heads", "rope_parameters")  # with these, no default is needed
_SAME = 0.1  # of the weights: the header of a file, tensors that are no parameters
_CPU_INFO = Path("/proc/cpuinfo")
_AVX512 = frozenset({"avx512f", "avx512bw", "avx512vl", "avx512dq"})  # with these, torch multiplies bfloat16 on a CPU


class PlainConfig(SimpleNamespace):
    """A `config.json` that says all itself, as attributes, with what is asked of a configuration of transformers."""

    def get_text_config(self, decoder: bool = False) -> PlainConfig:
        """The decoder's part: all of it."""
        return self

    def to_dict(self) -> dict[str, Any]:
        """What the file says."""
        return dict(vars(self))


@dataclass(frozen=True, slots=True)
class Outline:
    """A model as `plan_reading` needs it. device: has a `type`, "cpu" or "cuda".   weights: bytes in memory.

    encode: the tokens of a text, as the loaded model's tokenizer gives them.
    loading: bytes of files that lie in memory too while weights of another kind are made of them.
    """

    info: ModelInfo
    config: Any
    adapter: AdapterInfo | None
    native_tokens: int
    element_bytes: int
    device: Any
    weights: int
    encode: Encode
    loading: int = 0

    @property
    def has_memory(self) -> bool:
        return self.adapter is not None and self.adapter.memory is not None


def outline(options: ModelOptions) -> Outline:
    """Look at a model without loading it. Raises ModelUnavailable (69) when it is not there or cannot work."""
    path = resolve(options.model)
    check_reachable(path, options)
    config = _config(path, options)
    refuse_what_cannot_be_streamed(config, options.model)
    folder = adapter_folder(options.adapter, path)
    adapter = load_adapter(folder) if folder else None
    added = (folder / WEIGHTS_FILE).stat().st_size if folder and (folder / WEIGHTS_FILE).is_file() else 0
    if adapter is not None and options.adapter == "none":
        adapter, added = replace(adapter, memory=None, lora=None), 0
    device = _device(options.device)
    element_bytes = 2 if device.type != "cpu" or multiplies_bfloat16() else 4
    quantization, weights, loading = _weights(path, options, config, device, element_bytes)
    return Outline(
        info=ModelInfo(
            id=options.model,
            revision=options.revision or getattr(config, "_commit_hash", None),
            quantization=quantization,
            adapter=adapter.name if adapter and options.adapter != "none" else None,
        ),
        config=config,
        adapter=adapter,
        native_tokens=int(getattr(config.get_text_config(decoder=True), "max_position_embeddings", 2048)),
        element_bytes=element_bytes,
        device=device,
        weights=weights + added * element_bytes // 2,  # the file is in bfloat16
        encode=_encoder(path, options),
        loading=loading if device.type == "cpu" else 0,
    )


def reading_bytes(model: Outline, plan: ReadingPlan, num_tokens: int) -> tuple[int, int]:
    """What a reading keeps of so many tokens, and the workspace of a segment, in bytes.

    The workspace has the state before the segment, which stays until the one after it is whole, and of a window in 8
    bits the numbers of one layer in float32.
    """
    config, tiers = model.config, plan.tiers
    kept = cache_bytes(config, tiers, num_tokens, model.element_bytes)
    if plan.use_memory and model.adapter is not None and model.adapter.memory is not None:
        kept += memory_bytes(config, model.adapter.memory)
    num_keys = min(num_tokens, tiers.sinks + tiers.window + tiers.highlights)
    workspace = workspace_bytes(
        config,
        min(plan.segment_tokens, num_tokens),
        num_keys,
        model.element_bytes,
        highlights=tiers.highlights,
        whole=plan.info.mode == "exact",
    )
    heads, dim = kv_dims(config)
    decoded = 4 * heads * dim * num_keys if tiers.kv_bits == 8 else 0
    return kept, kept + workspace + decoded


def multiplies_bfloat16() -> bool:
    """Whether torch reads in bfloat16 on this processor (`load.py` asks torch itself)."""
    try:
        lines = _CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    flags = next((set(line.split()) for line in lines if line.startswith(("flags", "Features"))), set[str]())
    return flags >= _AVX512 or "bf16" in flags


def _device(name: str) -> Any:
    """What has a `type`. torch is asked only where an NVIDIA driver is loaded or a device is named."""
    if name == "cpu" or (name == "auto" and not Path("/dev/nvidiactl").exists()):
        return SimpleNamespace(type="cpu")
    from longdoc.engine.load import device_of

    return device_of(name)


def _file(path: str | Path, name: str, options: ModelOptions) -> Path:
    """A small file of a checkpoint, from its folder or the hub. Raises OSError when there is none."""
    if isinstance(path, Path):
        return path / name
    from huggingface_hub import hf_hub_download

    return Path(hf_hub_download(path, name, revision=options.revision, local_files_only=options.offline))


def _config(path: str | Path, options: ModelOptions) -> Any:
    """The configuration: the file where that says all, else with the defaults that transformers has for its family."""
    try:
        said = json.loads(_file(path, "config.json", options).read_text(encoding="utf-8"))
        if all(said.get(name) is not None for name in _SAID) and "text_config" not in said:
            return PlainConfig(**said)
        from transformers import AutoConfig

        return AutoConfig.from_pretrained(path, revision=options.revision, local_files_only=options.offline)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise explain(options, error) from error


def _encoder(path: str | Path, options: ModelOptions) -> Encode:
    """The tokenizer as a function. No special tokens, also where a text spells one."""
    try:
        said = json.loads(_file(path, "tokenizer_config.json", options).read_text(encoding="utf-8"))
        is_plain = said.get("tokenizer_class") in _PLAIN_TOKENIZERS
        whole = _file(path, "tokenizer.json", options) if is_plain else None
    except (OSError, ValueError):
        whole = None
    if whole is None or not whole.is_file():
        return _transformers_encoder(path, options)
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(whole))
    tokenizer.encode_special_tokens = True
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def encode(text: str) -> Iterable[tuple[int, int, int]]:
        encoded = tokenizer.encode(text, add_special_tokens=False)
        return ((token, start, end) for token, (start, end) in zip(encoded.ids, encoded.offsets, strict=True))

    return encode


def _transformers_encoder(path: str | Path, options: ModelOptions) -> Encode:
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(path, revision=options.revision, local_files_only=options.offline)
    except (OSError, ValueError, TypeError, KeyError, ImportError) as error:
        raise explain(options, error) from error

    def encode(text: str) -> Iterable[tuple[int, int, int]]:
        encoded = tokenizer(text, add_special_tokens=False, split_special_tokens=True, return_offsets_mapping=True)
        pairs = zip(encoded["input_ids"], encoded["offset_mapping"], strict=True)
        return ((token, start, end) for token, (start, end) in pairs)

    return encode


def _weights(
    path: str | Path, options: ModelOptions, config: Any, device: Any, element_bytes: int
) -> tuple[str, int, int]:
    """The quantization that loading would choose, by name, the bytes of the weights in memory, and those of files that
    lie beside them while they are made. Files that hold the weights as they are needed are their memory.
    """
    files = _weight_files(path, options)
    file_bytes = sum(file.stat().st_size for file in files)
    if getattr(config, "quantization_config", None) is not None:
        return "as saved", file_bytes, 0
    if options.quantize == "auto" and device.type == "cuda":
        from longdoc.engine.load import chosen_quantization

        wanted = chosen_quantization(options, config, device)
    else:
        wanted = "none" if options.quantize == "auto" else options.quantize
    if wanted == "none" and files:
        weights = element_bytes * sum(map(_num_parameters, files))
        return "none", weights, 0 if abs(file_bytes - weights) < _SAME * weights else file_bytes
    if isinstance(config, PlainConfig):
        from transformers import AutoConfig

        config = AutoConfig.from_pretrained(path, revision=options.revision, local_files_only=options.offline)
    num_bytes = weight_bytes(config, wanted)
    if wanted == "none":
        return "none", num_bytes * element_bytes // 2, 0
    return {"4bit": "nf4"}.get(wanted, wanted), num_bytes, file_bytes


def _weight_files(path: str | Path, options: ModelOptions) -> list[Path]:
    """The files of the weights that are on this machine; [] unless all of them are."""
    if isinstance(path, Path):
        return sorted(path.glob("model*.safetensors"))
    from huggingface_hub import try_to_load_from_cache

    one = try_to_load_from_cache(path, "model.safetensors", revision=options.revision)
    if isinstance(one, str):
        return [Path(one)]
    index = try_to_load_from_cache(path, "model.safetensors.index.json", revision=options.revision)
    if not isinstance(index, str):
        return []
    names = set(json.loads(Path(index).read_text(encoding="utf-8"))["weight_map"].values())
    files = [Path(index).with_name(name) for name in sorted(names)]
    return files if all(file.is_file() for file in files) else []


def _num_parameters(file: Path) -> int:
    """Numbers in a safetensors file, from its header alone."""
    with file.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        header = json.loads(stream.read(length))
    return sum(prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")
