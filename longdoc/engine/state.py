"""Reading states that are saved and loaded: whole or not at all, and refused when anything about them differs.

A state is written under a temporary name, flushed to the disk and renamed; never pickled. Its file can be read by its
owner alone, because a state holds traces of the text. Knows nothing of documents: what must be equal is a fingerprint.

Shapes: V vocabulary.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from longdoc.core.errors import OutputError
from longdoc.core.paths import sync_folder
from longdoc.engine.reader import ReadingState
from longdoc.engine.state_file import FORMAT, StateHeader, checksum, leftovers, read_header, refused

_CACHE = "cache."
_LOGITS = "logits"
_DTYPES = {
    torch.bfloat16: "BF16", torch.float16: "F16", torch.float32: "F32", torch.float64: "F64",
    torch.int64: "I64", torch.int32: "I32", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip


def save_state(
    path: Path,
    state: ReadingState,
    fingerprint: Mapping[str, Any],
    about: Mapping[str, Any],
) -> int:
    """Write a state; -> bytes on the disk. The folder must be there. Raises OutputError.

    fingerprint, about: JSON; `StateHeader` says what they are for.
    """
    assert state.logits is not None, "there is nothing to save before the first token"
    named = {f"{_CACHE}{name}": tensor for name, tensor in state.cache.named_tensors().items()}
    named[_LOGITS] = state.logits
    tensors = _alone({name: tensor.detach().cpu().contiguous() for name, tensor in named.items()})
    text = StateHeader(state.num_tokens, dict(fingerprint), dict(about)).text()
    metadata = {"format": FORMAT, "header": text, "checksum": _checksum(text, tensors)}
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.{os.getpid()}.tmp")  # two may write at once
    try:
        _remove_leftovers(path)
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            save_file(tensors, temporary, metadata)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.chmod(0o600)
        num_bytes = temporary.stat().st_size
        temporary.replace(path)
        sync_folder(path.parent)
    except (OSError, SafetensorError) as error:
        raise OutputError(
            f"The state {path} cannot be written.",
            why="the disk is full" if _is_full(error) else getattr(error, "strerror", None) or str(error),
            fix="longdoc states rm, --no-state, or --state-dir",
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    return num_bytes


def _is_full(error: OSError | SafetensorError) -> bool:
    """Whether there was no room on the disk; safetensors has it in words only."""
    return getattr(error, "errno", None) in {errno.ENOSPC, errno.EDQUOT} or os.strerror(errno.ENOSPC) in str(error)


def load_state(
    path: Path, fingerprint: Mapping[str, Any], start: ReadingState, device: torch.device
) -> tuple[ReadingState, dict[str, Any]]:
    """The state in a file, and what was saved about it.

    fingerprint: what the file's must be equal to.   start: an empty state of the reader that goes on with it.
    Raises StateRefused with the reason: damaged, of another format, or made otherwise.
    """
    header = read_header(path)
    if why := difference(header.fingerprint, fingerprint):
        raise refused(path, why)
    try:
        with safe_open(path, "pt") as file:
            expected = file.metadata()["checksum"]
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise refused(path, "it is damaged") from error
    if any(tensor.dtype not in _DTYPES for tensor in tensors.values()):
        raise refused(path, "it is damaged")
    if _checksum(header.text(), tensors) != expected:
        raise refused(path, "its checksum does not match: it is damaged")
    # cloned: a mapped file's tensors are aligned otherwise, and matrix products may then round otherwise
    tensors = {name: tensor.clone() for name, tensor in tensors.items()}
    cache = start.cache.fork()
    held = _under(_CACHE, tensors)
    if cache.is_alone:  # several processes share it out, and no single one has room for all
        held = {name: tensor.to(device) for name, tensor in held.items()}
    try:
        cache.restore(held, header.num_tokens)
        state = ReadingState(cache, tensors[_LOGITS].to(device), header.num_tokens)
    except (KeyError, TypeError) as error:
        raise refused(path, f"it lacks tensors, or has others: {error}") from error
    return state, header.about


def difference(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str | None:
    """In words, the first thing in which two fingerprints differ; None when they are equal."""
    for name in [*wanted, *(name for name in found if name not in wanted)]:
        if found.get(name) != wanted.get(name):
            return f"it was made with {_said(name, found.get(name))}, and this is {_said(name, wanted.get(name))}"
    return None


def _said(name: str, value: Any) -> str:
    """`window 512`; a hash is cut short."""
    shown = "none" if value is None else str(value)
    return f"{name.replace('_', ' ')} {shown[:12] + '…' if len(shown) == 64 else shown}"


def _checksum(header_text: str, tensors: Mapping[str, Tensor]) -> str:
    rows = ((name, _DTYPES[t.dtype], tuple(t.shape), [raw_bytes(t)]) for name, t in sorted(tensors.items()))
    return checksum(header_text, rows)


def raw_bytes(tensor: Tensor) -> Any:
    """The bytes of a contiguous tensor on the CPU, without copying."""
    return tensor.reshape(-1).view(torch.uint8).numpy()


def _alone(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Each tensor with a storage of its own, and no larger: others cannot be saved."""
    alone: dict[str, Tensor] = {}
    storages: set[int] = set()
    for name, tensor in tensors.items():
        storage = tensor.untyped_storage()
        if storage.nbytes() != tensor.numel() * tensor.element_size() or storage.data_ptr() in storages:
            tensor = tensor.clone()
        storages.add(tensor.untyped_storage().data_ptr())
        alone[name] = tensor
    return alone


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}


def _remove_leftovers(path: Path) -> None:
    for temporary in leftovers(path):
        with suppress(OSError):
            temporary.unlink()
