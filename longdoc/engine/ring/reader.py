"""The reader of a ring's first process, and what the other processes do meanwhile.

The first process runs the pipeline as ever; where its reader calls the model it tells the others, which do the same
call with their share of the tokens (`serve`). A cache is known to all by a number: a fork is made where it is first
used, and one that the first process has dropped is dropped everywhere with the next message.

Shapes: B batch, T tokens, V vocabulary, Hkv key/value heads, n tokens held, D head dim.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

import torch
from torch import Tensor

from longdoc.core.errors import LongdocError, OutOfMemory, RingLost
from longdoc.core.settings import ModelOptions
from longdoc.core.started import size_here
from longdoc.engine.fingerprint import model_fingerprint
from longdoc.engine.finite import check_logits
from longdoc.engine.load import LoadedModel, auto_quantization, load_model
from longdoc.engine.plan import ReadingPlan
from longdoc.engine.reader import Reader, ReadingState
from longdoc.engine.ring.cache import Register, RingCache
from longdoc.engine.ring.layout import in_turn
from longdoc.engine.ring.processes import FORWARD, GATHER, LEAVE, LOAD, RESTORE, Group, Message, is_disconnected, join
from longdoc.engine.rope import fix_length, length_dependent
from longdoc.engine.sizes import kv_dims
from longdoc.engine.state import difference

_NOTHING = torch.empty(0, dtype=torch.int64)
_NONE = -1
_NAMES = ("keys", "values")


def load_in_ring(options: ModelOptions) -> LoadedModel:
    """The model, loaded by every process of the ring. For the first one: the others `serve`.

    Raises what `load_model` raises, and RingLost when another process cannot load it.
    """
    group = join(options.processes, options.device)
    if options.quantize == "auto" and group.device.type == "cuda":  # each would look at its own GPU
        options = replace(options, quantize=auto_quantization(options, group.device))
    text = json.dumps(asdict(options)).encode()
    with _together(group):
        group.tell(Message(LOAD, (), torch.tensor(list(text), dtype=torch.int64)))
        loaded, said, error = _loaded(group, options)
    if error is not None:
        raise error
    for rank, about in enumerate(said):
        if about["complaint"]:
            raise RingLost(f"Process {rank} of {group.size} cannot take part.", why=about["complaint"])
        if why := difference(about["model"], said[0]["model"]):
            raise RingLost(f"Process {rank} of {group.size} has loaded another model than the first one.", why=why)
    assert loaded is not None
    return loaded


def _loaded(
    group: Group, options: ModelOptions
) -> tuple[LoadedModel | None, list[dict[str, Any]], LongdocError | None]:
    """In every process: the model, what each process says of it, and what went wrong here."""
    device = str(group.device) if group.device.type == "cuda" else options.device
    error, loaded, about = None, None, {}
    try:
        loaded = replace(load_model(replace(options, device=device)), group=group)
        about = model_fingerprint(loaded) if group.size > 1 else {}
    except LongdocError as failed:
        error = failed
    if group.size > 1 and not options.threads:
        torch.set_num_threads(min(torch.get_num_threads(), _threads(group.size)))
    complaint = "" if error is None else " ".join(filter(None, [error.what, error.why]))
    said = group.everyones(json.dumps({"complaint": complaint, "model": about}))
    return loaded, [json.loads(words) for words in said], error


@contextmanager
def _together(group: Group) -> Iterator[None]:
    """What all processes do at once. Whatever ends it early in one leaves them at different places."""
    try:
        yield
    except BaseException as error:
        group.is_broken = group.size > 1
        if isinstance(error, torch.OutOfMemoryError):
            raise OutOfMemory(
                "The GPU's memory is full.",
                why=str(error).split("\n")[0],
                fix="a smaller --segment, more processes (--gpus), or --quantize 4bit",
            ) from error
        if is_disconnected(error):
            raise group.lost("the connection to another process was closed") from error
        raise


def _threads(size: int) -> int:
    """Of each of several processes on one machine."""
    return max(1, len(os.sched_getaffinity(0)) // size_here(size)) if hasattr(os, "sched_getaffinity") else 1


class RingReader(Reader):
    """A `Reader` whose states lie in several processes. Greedy everywhere, decided by the first process."""

    def __init__(self, loaded: LoadedModel, plan: ReadingPlan) -> None:
        super().__init__(loaded, plan)
        assert loaded.group is not None
        self.group = loaded.group
        self.ring = loaded.group.ring
        self._register = Register()

    def start(self) -> ReadingState:
        """A state into which nothing was read."""
        return ReadingState(RingCache(self.loaded.config, self.ring, self._register, self), None, 0)

    def read(self, state: ReadingState, ids: Sequence[int]) -> ReadingState:
        """The state after `ids` as well, in calls of at most a segment. The given state stays as it is."""
        if not ids:
            return state
        cache = state.cache.fork()
        tokens = torch.tensor([list(ids)])
        logits = None
        for piece in torch.split(tokens, self.plan.segment_tokens, 1):
            logits = self._run(piece, cache, keep=1).logits[0, -1]
        assert logits is not None
        check_logits(logits, state.num_tokens + len(ids))
        return ReadingState(cache, logits, state.num_tokens + len(ids))

    def _run(self, ids: Tensor, cache: Any, keep: int) -> Any:
        """The model's output, with this process's share of the tokens; the others have theirs."""
        batch, num_new = ids.shape
        is_sharded = batch == 1 and keep == 1 and num_new >= self.ring.sharded_from
        origin = self._origin(cache)
        dropped = list(self._register.dropped)
        del self._register.dropped[: len(dropped)]
        numbers = (
            cache.number, *origin, batch, num_new, keep, int(is_sharded), self.plan.reach_tokens, len(dropped)
        )  # fmt: skip
        payload = torch.cat([ids.flatten().cpu(), torch.tensor(dropped, dtype=torch.int64)])
        with _together(self.group):
            self.group.tell(Message(FORWARD, numbers, payload))
            cache.is_told, cache.origin = True, None
            return _called(self.loaded, cache, ids, is_sharded, keep, self.plan.reach_tokens)

    def _origin(self, cache: Any) -> tuple[int, int]:
        """What the others make a new cache of: the number of another and the rows, or nothing."""
        if cache.origin is None:
            return _NONE, 0
        parent, rows = cache.origin
        while not parent.is_told and parent.origin is not None:  # a fork that nothing was read into
            parent, earlier = parent.origin
            rows = rows or earlier
        assert parent.num_seen == cache.num_seen, "whoever was forked may not be read on with"
        if not parent.is_told:  # it is as empty for them as for us
            assert parent.num_seen == 0
            return _NONE, 0
        return parent.number, rows

    def gathered(self, cache: Any) -> dict[str, Tensor]:
        """Keys and values of all processes, in the order of the text, on the processor, as `<layer>.<name>`."""
        if not cache.num_seen:
            return {}
        assert cache.is_told, "a fork is known to the others when it was read on with"
        order = torch.cat([torch.arange(r.first, r.end) for shard in cache.layout.shards for r in shard]).argsort()
        held: dict[str, Tensor] = {}
        with _together(self.group):
            self.group.tell(Message(GATHER, (cache.number,), _NOTHING))
            for index, layer in enumerate(cache.layers):
                own = layer.whole() or (None, None)
                for name, mine in zip(_NAMES, own, strict=True):
                    parts = [] if mine is None else [mine.cpu()]
                    for rank, count in enumerate(cache.layout.counts[1:], 1):
                        if count:
                            parts.append(self.group.receive(_empty(self.loaded, count), rank))
                    held[f"{index}.{name}"] = torch.cat(parts, 2)[:, :, order]
        return held

    def share_out(self, cache: RingCache, tensors: Mapping[str, Tensor], num_tokens: int) -> None:
        """What `gathered` gave, to the processes that are here now. Errors: see `RingCache.restore`."""
        shape = _shape(self.loaded, num_tokens)
        names = {f"{index}.{name}" for index in range(len(cache.layers)) for name in _NAMES}
        if set(tensors) != names:
            raise KeyError(", ".join(sorted(set(tensors) ^ names)))
        if any(tuple(tensor.shape) != shape for tensor in tensors.values()):
            raise TypeError("keys and values of another shape")
        with _together(self.group):
            self.group.tell(Message(RESTORE, (cache.number, num_tokens), _NOTHING))
            cache.is_told, cache.origin, cache.layout = True, None, in_turn(num_tokens, self.ring.size)
            for index, layer in enumerate(cache.layers):
                own = []
                for name in _NAMES:
                    shares = torch.split(tensors[f"{index}.{name}"], list(cache.layout.counts), 2)
                    for rank in range(1, self.ring.size):
                        if shares[rank].shape[2]:
                            self.group.send(shares[rank], rank)
                    own.append(shares[0].to(self.loaded.device).contiguous())
                layer.parts = (tuple(own),) if cache.layout.counts[0] else ()


def reader_of(loaded: LoadedModel, plan: ReadingPlan) -> Reader:
    """The reader for a plan: of one process, or of several."""
    return RingReader(loaded, plan) if plan.info.mode == "ring" else Reader(loaded, plan)


def serve(group: Group, loaded: LoadedModel | None = None) -> None:
    """What every process but the first does: the calls that it is told of, until it is let go.

    loaded: the model, where it is there already. When one process cannot load it, the first one tells, and all end.
    Raises RingLost when the others are gone, OutOfMemory, and RingLost with the cause for whatever else goes wrong.
    """
    caches: dict[int, RingCache] = {}
    try:
        while (message := group.told()).kind != LEAVE:
            if message.kind == LOAD:
                caches.clear()
                loaded, said, _ = _loaded(group, ModelOptions(**json.loads(bytes(message.ids.tolist()))))
                if any(about["complaint"] or about["model"] != said[0]["model"] for about in said):
                    return
                continue
            assert loaded is not None
            with _together(group), torch.inference_mode():
                _follow(group, loaded, caches, message)
    except LongdocError:
        raise
    except Exception as error:  # the first process cannot know of it
        group.is_broken = True
        if is_disconnected(error):
            raise group.lost("the connection to another process was closed") from error
        words = f"process {group.rank} of {group.size} failed with {type(error).__name__}: {error}"
        raise group.lost(words.split("\n")[0]) from error


def _follow(group: Group, loaded: LoadedModel, caches: dict[int, RingCache], message: Message) -> None:
    """One message to a process that is not the first."""
    number = message.numbers[0]
    if message.kind == FORWARD:
        parent, rows, batch, num_new, keep, is_sharded, reach, num_dropped = message.numbers[1:9]
        if number not in caches:
            held = caches.get(parent)
            if held is None:
                caches[number] = RingCache(loaded.config, group.ring, Register())
            else:
                caches[number] = held.expand(rows) if rows else held.fork()
        ids = message.ids[: batch * num_new].view(batch, num_new)
        _called(loaded, caches[number], ids, bool(is_sharded), keep, reach)
        for dropped in message.ids[len(message.ids) - num_dropped :].tolist():
            caches.pop(dropped, None)
    elif message.kind == GATHER:
        for layer in caches[number].layers:
            for tensor in layer.whole() or ():
                group.send(tensor, 0)
    elif message.kind == RESTORE:
        cache = caches[number] = RingCache(loaded.config, group.ring, Register())
        cache.layout = in_turn(message.numbers[1], group.size)
        if count := cache.layout.counts[group.rank]:
            for layer in cache.layers:
                keys, values = (group.receive(_empty(loaded, count), 0).to(loaded.device) for _ in _NAMES)
                layer.parts = ((keys, values),)


def _called(loaded: LoadedModel, cache: RingCache, ids: Tensor, is_sharded: bool, keep: int, reach: int) -> Any:
    """(B, T) ids of all -> the model's output for this process's share of them; the cache moves on.

    Of a text that is shared out, the first process has the last token: its logits are the text's.
    """
    for rotary in length_dependent(loaded.model):
        fix_length(rotary, reach)
    if loaded.kernel is not None:
        loaded.kernel.for_writing() if ids.shape[1] == 1 else loaded.kernel.for_reading()
    call = cache.begin(ids.shape[1], is_sharded=is_sharded, device=loaded.device)
    if is_sharded:
        ids = ids[:, call.positions.cpu() - call.before.num_tokens]
    with torch.inference_mode():
        out = loaded.model(ids.to(loaded.device), past_key_values=cache, use_cache=True, logits_to_keep=keep)
    cache.end()
    return out


def _empty(loaded: LoadedModel, count: int) -> Tensor:
    """Room for the keys or values of so many tokens in one layer."""
    return torch.empty(_shape(loaded, count), dtype=loaded.model.dtype)


def _shape(loaded: LoadedModel, count: int) -> tuple[int, int, int, int]:
    """Of the keys or values of so many tokens in one layer."""
    heads, dim = kv_dims(loaded.config)
    return 1, heads, count, dim
