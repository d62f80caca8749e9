"""One of the processes of `bench ring`: `python -m longdoc.bench.ring_process FOLDER`, started by the ring's launcher.

The job lies in FOLDER as `job.json`: processes, options, is_named (else a random model of `shape`), tokens, write,
threads. The processes read the text
once with transfers on their way while they attend, and once waiting for each transfer first; each leaves what it
measured in `rank-<number>.json`. Ctrl-C ends it at once: there is nothing to keep.

Letters: N processes.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from longdoc.engine.ring.trial_process import end_at_once

if TYPE_CHECKING:
    from longdoc.engine.load import LoadedModel
    from longdoc.engine.ring.processes import Group

ERROR = "error.json"  # in FOLDER, when a process fails
_WARM_TOKENS = 256  # for each process


def timed_ring(group: Group, *, overlaps: bool) -> Any:
    """A ring that notes of each step the seconds of attending, and of waiting for a transfer before it.

    computes, waits: (N,) seconds, all layers together.   packing_s: of what else lies between two blocks; on a GPU,
    where the program does not wait for transfers itself, that counts as waiting.
    own_bytes: keys and values of this process.   block_bytes: of the largest block that went by.
    """
    import torch

    from longdoc.engine.ring.transport import Ring

    device = group.device

    def settle() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    class TimedRing(Ring):
        def __init__(self) -> None:
            super().__init__(group.rank, group.size, overlaps=overlaps)
            self.group = group.ring.group
            self.computes = [0.0] * group.size
            self.waits = [0.0] * group.size
            self.packing_s = 0.0
            self.own_bytes = self.block_bytes = 0

        def blocks(self, held: Sequence[Any], counts: Sequence[int]) -> Iterator[tuple[int, Any, Any]]:
            settle()
            self.own_bytes += sum(keys.nbytes + values.nbytes for keys, values in held)
            ended, waited_s = time.perf_counter(), self.traffic.wait_s
            for step, (origin, keys, values) in enumerate(super().blocks(held, counts)):
                settle()
                began = time.perf_counter()
                between_s = began - ended
                transfer_s = between_s if device.type == "cuda" else self.traffic.wait_s - waited_s
                self.waits[step] += transfer_s
                self.packing_s += between_s - transfer_s
                self.block_bytes = max(self.block_bytes, keys.nbytes + values.nbytes)
                yield origin, keys, values
                settle()
                ended, waited_s = time.perf_counter(), self.traffic.wait_s
                self.computes[step] += ended - began

    return TimedRing()


def measure(job: dict[str, Any], group: Group) -> dict[str, Any]:
    """Every process calls this. -> what it found."""
    from longdoc.engine.machine import peak_gpu_bytes, peak_resident_bytes
    from longdoc.engine.ring.made import random_ids
    from longdoc.engine.sizes import kv_dims, text_config

    loaded = _loaded(job, group)
    found: dict[str, Any] = {"rank": group.rank, "loaded_bytes": peak_resident_bytes()}
    ids = random_ids(job["tokens"], text_config(loaded.config).vocab_size)
    warm = ids[: min(len(ids), _WARM_TOKENS * group.size)]
    _phase(loaded, warm, 1, overlaps=True)
    found["overlapped"] = _phase(loaded, ids, job["write"], overlaps=True)
    found |= {"peak_memory_bytes": peak_resident_bytes(), "peak_gpu_bytes": peak_gpu_bytes(loaded.device)}
    if group.size > 1:
        found["waiting"] = _phase(loaded, ids, 1, overlaps=False)
    text = text_config(loaded.config)
    heads, dim = kv_dims(loaded.config)
    return {
        **found,
        "pairs": visible_pairs(len(ids), group.size, group.rank),
        "model": asdict(loaded.info),
        "dtype": str(loaded.model.dtype).removeprefix("torch."),
        "layers": text.num_hidden_layers,
        "heads": text.num_attention_heads,
        "dim": dim,
        "element_bytes": loaded.element_bytes,
        "kv_token_bytes": 2 * heads * dim * loaded.element_bytes,  # of one layer
    }


def visible_pairs(num_tokens: int, size: int, rank: int) -> int:
    """Queries times keys that they see, of one process and layer, when the text is read at once."""
    from longdoc.engine.ring.layout import zigzag

    return sum(
        chunk.count * chunk.first + chunk.count * (chunk.count + 1) // 2 for chunk in zigzag(0, num_tokens, size)[rank]
    )


def _phase(loaded: LoadedModel, ids: list[int], num_write: int, *, overlaps: bool) -> dict[str, Any]:
    """One reading, and what is written after it. Of the first process; the others serve."""
    from longdoc.engine.ring.made import whole_plan
    from longdoc.engine.ring.reader import RingReader, serve

    group = loaded.group
    assert group is not None
    ring = group.ring = timed_ring(group, overlaps=overlaps)
    found: dict[str, Any] = {}
    if group.is_first:
        reader = RingReader(loaded, whole_plan("ring", len(ids), len(ids) + num_write, group.size))
        began = time.perf_counter()
        state = reader.read(reader.start(), ids)
        assert state.logits is not None
        found["logits"] = state.logits.float().tolist()
        found["read_s"] = time.perf_counter() - began
        times_s, tokens = [], []
        for token in reader.write(state, max_tokens=num_write):
            tokens.append(token)
            times_s.append(time.perf_counter())
        steps_s = [after - before for before, after in pairwise(times_s)]
        found |= {"tokens": tokens, "write_s": median(steps_s) if steps_s else None}
        group.let_go()
    else:
        serve(group, loaded)
    return found | {
        "compute_s": ring.computes,
        "wait_s": ring.waits,
        "packing_s": ring.packing_s,
        "kv_bytes": ring.own_bytes,
        "block_bytes": ring.block_bytes,
        "ring_bytes": ring.traffic.ring_bytes,
        "reduced_bytes": ring.traffic.reduced_bytes,
    }


def _loaded(job: dict[str, Any], group: Group) -> LoadedModel:
    """The model, in every process. Raises what `load_model` raises."""
    import torch

    from longdoc.core.settings import ModelOptions
    from longdoc.engine.load import device_of, load_model
    from longdoc.engine.ring.made import Shape, made_model

    options = ModelOptions(**job["options"])
    name = str(group.device) if group.device.type == "cuda" else options.device
    torch.set_num_threads(job["threads"])
    if job["is_named"]:
        return replace(load_model(replace(options, device=name, threads=job["threads"])), group=group)
    device = device_of(name)
    return made_model(Shape(**job["shape"]), device, torch.float32 if device.type == "cpu" else torch.bfloat16, group)


def main() -> int:
    """The measuring process. -> the exit code."""
    end_at_once()
    from longdoc.core.errors import LongdocError
    from longdoc.engine.ring.processes import complain, join

    folder = Path(sys.argv[1])
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    try:
        group = join(job["processes"], job["options"]["device"])
        found = measure(job, group)
        (folder / f"rank-{group.rank}.json").write_text(json.dumps(found), encoding="utf-8")
        group.leave()
    except LongdocError as error:
        from longdoc.output.json import error_json

        (folder / ERROR).write_text(json.dumps(error_json(error)), encoding="utf-8")
        if job["processes"] > 1:  # a single one is told of by who started it
            complain(error)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
