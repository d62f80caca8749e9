"""Naming and restoring what a state holds, saving it, and refusing whatever is not exactly that state."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from safetensors import safe_open
from torch import Tensor

from longdoc.core.errors import OutputError, StateRefused
from longdoc.core.settings import ModelOptions
from longdoc.engine.cache import StreamingCache
from longdoc.engine.fingerprint import hash_of, model_fingerprint, plan_fingerprint
from longdoc.engine.load import LoadedModel
from longdoc.engine.reader import Reader, ReadingState, plan_reading
from longdoc.engine.state import load_state, save_state
from longdoc.engine.state_file import FORMAT, check_file, read_header

FINGERPRINT = {"model": "tiny", "window": 64, "revision": None}
ABOUT = {"name": "book.md", "num_characters": 1234}


def ids(num_tokens: int, seed: int = 0) -> list[int]:
    return torch.randint(1, tiny.VOCABULARY, (num_tokens,), generator=torch.Generator().manual_seed(seed)).tolist()


def reader_of(loaded: LoadedModel, **options: Any) -> Reader:
    return Reader(loaded, plan_reading(loaded, ModelOptions(**options), 1000))


@pytest.fixture
def reader(loaded: LoadedModel) -> Reader:
    """Sinks, a window of 64 and the memory, as the checkpoint was exported."""
    return reader_of(loaded)


@pytest.fixture
def saved(reader: Reader, tmp_path: Path) -> Path:
    """A state of 203 tokens: the window is full, the memory has written and has tokens waiting."""
    path = tmp_path / "book.safetensors"
    save_state(path, reader.read(reader.start(), ids(203)), FINGERPRINT, ABOUT)
    return path


def load(path: Path, reader: Reader, fingerprint: dict[str, Any] | None = None) -> ReadingState:
    return load_state(path, fingerprint or FINGERPRINT, reader.start(), reader.loaded.device)[0]


def written(reader: Reader, state: ReadingState) -> list[int]:
    """What is written after more was read: 40 greedy tokens."""
    return list(reader.write(reader.read(state, ids(70, seed=1)), max_tokens=40))


def same_logits(reader: Reader, first: ReadingState, second: ReadingState) -> bool:
    a, b = reader.read(first, ids(50, seed=1)).logits, reader.read(second, ids(50, seed=1)).logits
    assert a is not None
    assert b is not None
    return torch.equal(a, b)


@pytest.mark.parametrize("num_tokens", [0, 3, 40, 203])
def test_a_cache_is_restored_from_its_named_tensors(reader: Reader, num_tokens: int) -> None:
    state = reader.read(reader.start(), ids(num_tokens))
    fresh = reader.start().cache
    fresh.restore(state.cache.named_tensors(), state.cache.num_seen)
    assert fresh.num_seen == num_tokens
    assert fresh.num_bytes() == state.cache.num_bytes()
    assert same_logits(reader, ReadingState(fresh, state.logits, num_tokens), state)


def test_a_restored_cache_without_its_memory_goes_on_otherwise(reader: Reader) -> None:
    state = reader.read(reader.start(), ids(203))
    tensors = state.cache.named_tensors()
    fresh = reader.start().cache
    fresh.restore({name: t for name, t in tensors.items() if ".memory." not in name}, 203)
    assert not same_logits(reader, ReadingState(fresh, state.logits, 203), state)


def tensors_of(value: object) -> Iterator[Tensor]:
    """Every tensor that an object holds, however deep."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensors_of(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from tensors_of(item)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from tensors_of(getattr(value, field.name))


def test_no_tensor_of_a_layer_goes_without_a_name(loaded: LoadedModel) -> None:
    reader = reader_of(loaded, highlights=16, window=32)
    cache = reader.read(reader.start(), ids(203)).cache
    held = {id(tensor) for layer in cache.layers for tensor in tensors_of(vars(layer))}
    assert held == {id(tensor) for tensor in cache.named_tensors().values()}


@pytest.mark.parametrize("options", [{}, {"sinks": 0}, {"highlights": 16, "window": 32}, {"kv_bits": 8}])
@pytest.mark.parametrize("num_tokens", [7, 203])
def test_a_kept_state_holds_no_more_bytes_than_it_says(
    loaded: LoadedModel, options: dict[str, Any], num_tokens: int
) -> None:
    reader = reader_of(loaded, attention="stream", **options)
    cache = reader.read(reader.start(), ids(num_tokens)).cache
    storages = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in cache.named_tensors().values()}
    assert sum(storages.values()) <= cache.num_bytes()


@pytest.mark.parametrize(
    "options",
    [{}, {"memory": False}, {"sinks": 0, "window": 9}, {"highlights": 16, "window": 32}, {"attention": "exact"}],
)
@pytest.mark.parametrize("num_tokens", [3, 203])
def test_a_saved_state_goes_on_with_the_same_tokens(
    loaded: LoadedModel, tmp_path: Path, options: dict[str, Any], num_tokens: int
) -> None:
    reader = reader_of(loaded, **options)
    state = reader.read(reader.start(), ids(num_tokens))
    num_bytes = save_state(tmp_path / "book.safetensors", state, FINGERPRINT, ABOUT)
    again = load(tmp_path / "book.safetensors", reader)
    assert again.num_tokens == again.cache.num_seen == num_tokens
    assert num_bytes == (tmp_path / "book.safetensors").stat().st_size
    assert same_logits(reader, again, state)
    assert written(reader, again) == written(reader, state)


def test_tensors_that_share_a_storage_are_saved(reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "book.safetensors"
    state = reader.read(reader.start(), ids(20))
    assert state.logits is not None
    layer = state.cache.layers[0]
    layer.values = layer.keys
    save_state(path, state, FINGERPRINT, ABOUT)
    again = load(path, reader).cache.layers[0]
    assert torch.equal(again.values, layer.keys)
    assert torch.equal(again.keys, layer.keys)


def test_a_fork_of_a_loaded_state_leaves_it_as_it_is(reader: Reader, saved: Path) -> None:
    state = load(saved, reader)
    before = written(reader, state)
    list(reader.write(reader.read(state, ids(99, seed=5)), max_tokens=20))
    assert written(reader, state) == before == written(reader, load(saved, reader))


def test_a_state_that_is_saved_again_has_the_same_checksum(reader: Reader, saved: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.safetensors"
    save_state(again, load(saved, reader), FINGERPRINT, ABOUT)
    sums = []
    for path in (saved, again):
        with safe_open(path, "pt") as file:
            sums.append(file.metadata()["checksum"])
    assert sums[0] == sums[1]


def test_a_name_that_is_no_utf8_is_saved_and_comes_back(reader: Reader, tmp_path: Path) -> None:
    path, about = tmp_path / "book.safetensors", {"source": "caf\udce9 – café.txt"}
    save_state(path, reader.read(reader.start(), ids(9)), FINGERPRINT, about)
    assert check_file(path).about == load_state(path, FINGERPRINT, reader.start(), reader.loaded.device)[1] == about


def test_only_its_owner_can_read_a_state(saved: Path) -> None:
    assert saved.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_any_byte_that_is_changed_makes_a_state_refused(reader: Reader, saved: Path) -> None:
    good = saved.read_bytes()
    header_bytes = 8 + int.from_bytes(good[:8], "little")
    places = [*range(0, header_bytes, 41), *range(header_bytes, len(good), len(good) // 40), len(good) - 1]
    for place in places:
        saved.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        with pytest.raises(StateRefused):
            load(saved, reader)
        with pytest.raises(StateRefused):
            check_file(saved)
    saved.write_bytes(good)
    assert check_file(saved).about == ABOUT
    assert load(saved, reader).num_tokens == 203


@pytest.mark.parametrize("kept", [0, 4, 8, 300, -1000, -1])
def test_a_file_that_is_cut_off_is_refused(reader: Reader, saved: Path, kept: int) -> None:
    saved.write_bytes(saved.read_bytes()[:kept])
    for read in (read_header, check_file, lambda path: load(path, reader)):
        with pytest.raises(StateRefused):
            read(saved)


@pytest.mark.parametrize("start", [-(1 << 40), 1 << 40])
def test_a_tensor_that_lies_nowhere_is_refused(reader: Reader, saved: Path, start: int) -> None:
    content = saved.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    next(entry for name, entry in header.items() if name != "__metadata__")["data_offsets"][0] = start
    text = json.dumps(header).encode()
    saved.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length :])
    with pytest.raises(StateRefused, match="not used"):
        check_file(saved)


def test_more_bytes_at_the_end_are_refused(reader: Reader, saved: Path) -> None:
    saved.write_bytes(saved.read_bytes() + b"\0")
    with pytest.raises(StateRefused):
        load(saved, reader)


@pytest.mark.parametrize("missing", ["0.sink_keys", "1.memory.matrix"])
def test_a_state_with_a_right_checksum_and_too_few_tensors_is_refused(
    reader: Reader, tmp_path: Path, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = reader.read(reader.start(), ids(50))
    few = {name: tensor for name, tensor in state.cache.named_tensors().items() if name != missing}
    assert len(few) == len(state.cache.named_tensors()) - 1
    with monkeypatch.context() as patched:
        patched.setattr(StreamingCache, "named_tensors", lambda cache: few)
        save_state(tmp_path / "book.safetensors", state, FINGERPRINT, ABOUT)
    check_file(tmp_path / "book.safetensors")
    with pytest.raises(StateRefused) as caught:
        load(tmp_path / "book.safetensors", reader)
    assert "lacks tensors" in str(caught.value.why)


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7", b"\xff" * 64, b"\x02\0\0\0\0\0\0\0{}", b"\x02\0\0\0\0\0\0\0[]"])
def test_what_is_no_state_is_refused(reader: Reader, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "book.safetensors"
    path.write_bytes(content)
    with pytest.raises(StateRefused, match="book is not used") as caught:
        load(path, reader)
    assert caught.value.exit_code == 65
    assert caught.value.why


def test_weights_of_a_model_are_no_state(reader: Reader, checkpoint: Path) -> None:
    with pytest.raises(StateRefused):
        load(checkpoint / "model.safetensors", reader)


def test_a_state_of_another_format_is_refused_by_name(reader: Reader, saved: Path) -> None:
    saved.write_bytes(saved.read_bytes().replace(FORMAT.encode(), b"longdoc.state/0"))
    with pytest.raises(StateRefused) as caught:
        load(saved, reader)
    assert caught.value.why == "its format is longdoc.state/0, and this longdoc's is longdoc.state/2"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"window": 32}, "it was made with window 64, and this is window 32"),
        ({"model": "other"}, "it was made with model tiny, and this is model other"),
        ({"revision": "main"}, "it was made with revision none, and this is revision main"),
        ({"highlights": 8}, "it was made with highlights none, and this is highlights 8"),
    ],
)
def test_a_foreign_state_is_refused_with_the_reason(
    reader: Reader, saved: Path, changes: dict[str, Any], why: str
) -> None:
    with pytest.raises(StateRefused) as caught:
        load(saved, reader, {**FINGERPRINT, **changes})
    assert caught.value.why == why
    with pytest.raises(StateRefused, match="not used"):
        load(saved, reader, {"model": "tiny", "window": 64, "revision": None} | {"more": 1})


def test_every_change_to_a_model_changes_its_fingerprint(loaded: LoadedModel) -> None:
    known = model_fingerprint(loaded)
    assert json.loads(json.dumps(known)) == known == model_fingerprint(loaded)
    for name in ("model.norm.weight", "model.layers.1.mlp.up_proj.weight"):
        model = copy.deepcopy(loaded.model)
        with torch.no_grad():
            model.get_parameter(name).view(-1)[-1] += 1
        assert model_fingerprint(replace(loaded, model=model))["weights"] != known["weights"]
    assert model_fingerprint(replace(loaded, model=copy.deepcopy(loaded.model).float()))["dtype"] == "float32"
    memory = loaded.model.model.layers[1].self_attn.longdoc_memory
    model = copy.deepcopy(loaded.model)
    changed = copy.deepcopy(memory)
    with torch.no_grad():
        changed.read_gate.bias[0] += 1
    object.__setattr__(model.model.layers[1].self_attn, "longdoc_memory", changed)
    assert model_fingerprint(replace(loaded, model=model))["adapter_weights"] != known["adapter_weights"]


def test_what_the_weights_do_not_show_is_in_the_fingerprint(loaded: LoadedModel) -> None:
    known = model_fingerprint(loaded)
    model = copy.deepcopy(loaded.model)
    model.config.name_or_path = "elsewhere"
    assert model_fingerprint(replace(loaded, model=model)) == known
    model.config.rope_parameters = {**model.config.rope_parameters, "rope_theta": 1e6}
    assert model_fingerprint(replace(loaded, model=model))["configuration"] != known["configuration"]
    tokenizer = copy.deepcopy(loaded.tokenizer)
    tokenizer.chat_template = "{{ messages[0].content }}"
    assert model_fingerprint(replace(loaded, tokenizer=tokenizer))["tokenizer"] != known["tokenizer"]
    assert loaded.adapter is not None
    adapter = replace(loaded.adapter, prompts="others")
    assert model_fingerprint(replace(loaded, adapter=adapter))["prompts"] == "others" != known["prompts"]


def test_the_sizes_of_the_tiers_are_in_the_fingerprint(loaded: LoadedModel) -> None:
    known = plan_fingerprint(loaded, reader_of(loaded).plan)
    assert known["sinks"] == 4
    assert known["window"] == 64
    for options in ({"sinks": 1}, {"window": 32}, {"memory": False}, {"segment_tokens": 64}, {"attention": "exact"}):
        assert plan_fingerprint(loaded, reader_of(loaded, **options).plan) != known


def test_of_large_weights_a_sample_is_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = {"a": torch.zeros(300_000), "b": torch.zeros(3), "c": torch.tensor(1.0), "d": torch.zeros(0)}
    whole = hash_of(weights.items())
    monkeypatch.setattr("longdoc.engine.fingerprint._HASHED_WHOLE_BYTES", 1000)
    sampled = hash_of(weights.items())
    assert sampled != whole
    assert hash_of({**weights, "a": weights["a"] + 1}.items()) != sampled
    assert hash_of({**weights, "c": torch.tensor(2.0)}.items()) != sampled


def test_a_folder_that_cannot_be_written_is_an_output_error(reader: Reader, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        save_state(tmp_path / "nowhere" / "book.safetensors", reader.read(reader.start(), ids(9)), {}, {})


def test_a_failed_save_leaves_the_old_state_and_no_other_file(
    reader: Reader, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = saved.read_bytes()

    def half(tensors: object, path: Path, metadata: object) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("longdoc.engine.state.save_file", half)
    with pytest.raises(OutputError) as caught:
        save_state(saved, reader.read(reader.start(), ids(9)), FINGERPRINT, ABOUT)
    assert caught.value.why == "the disk is full"
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_what_a_killed_process_left_is_removed_by_the_next_save(reader: Reader, saved: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left = saved.parent / f".{saved.name}.{gone.pid}.tmp"
    being_written = saved.parent / f".{saved.name}.{os.getppid()}.tmp"
    for path in (left, being_written):
        path.write_bytes(b"half")
    save_state(saved, reader.read(reader.start(), ids(9)), FINGERPRINT, ABOUT)
    assert not left.exists()
    assert being_written.exists()


def test_headers_and_checksums_are_read_without_torch(saved: Path, child_environment: dict[str, str]) -> None:
    program = (
        "import sys; from pathlib import Path; from longdoc.engine.state_file import check_file;"
        "print(check_file(Path(sys.argv[1])).num_tokens, 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(saved)], env=child_environment, capture_output=True, check=True
    )
    assert done.stdout.decode().split() == ["203", "False"]
