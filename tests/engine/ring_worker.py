"""A process of tests/engine/test_ring_processes.py: reads, writes, keeps; the first one writes what came out.

    python ring_worker.py RESULT.json CHECKPOINT STATE [FAMILY...]

For each family a reading of ODD tokens in two calls, and TOKENS written after it. Then the checkpoint in 4 bits. The
cache of the last family is kept in STATE, or, when that is there already, gone on from.
"""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from longdoc.bench import families
from longdoc.core.settings import ModelOptions
from longdoc.core.types import AttentionInfo, ModelInfo
from longdoc.engine.attention import install
from longdoc.engine.load import LoadedModel
from longdoc.engine.plan import ReadingPlan
from longdoc.engine.reader import ReadingState
from longdoc.engine.ring.processes import Group, join
from longdoc.engine.ring.reader import RingReader, load_in_ring, serve
from longdoc.engine.tiers import KEEP_ALL, Tiers

ODD = 131
TOKENS = 32


def main(result: Path, checkpoint: str, state: Path, names: list[str]) -> None:
    torch.set_num_threads(1)
    group = join(None, "cpu")
    group.ring.sharded_from = 2 * group.size
    loads = [loaded_family(name, group) for name in names]
    if not group.is_first:
        for loaded in loads:
            serve(group, loaded)
        serve(group)
        group.leave()
        return
    found: dict[str, Any] = {"size": group.size}
    for loaded in loads:
        found[loaded.info.id] = read_and_write(loaded, state if loaded is loads[-1] else None)
        group.let_go()
    quantized = load_in_ring(ModelOptions(model=checkpoint, quantize="4bit", attention="ring", device="cpu"))
    found["4bit"] = read_and_write(quantized, None)
    result.write_text(json.dumps(found))
    group.leave()


def loaded_family(name: str, group: Group) -> LoadedModel:
    model = copy.deepcopy(families.build(name))
    install(model)
    return LoadedModel(model, None, ModelInfo(name), None, 4096, 0, torch.device("cpu"), group=group)


def read_and_write(loaded: LoadedModel, kept: Path | None) -> dict[str, Any]:
    info = AttentionInfo("ring", 0, 0, False, "")
    reader = RingReader(loaded, ReadingPlan(Tiers(0, KEEP_ALL), 1024, False, info, 256))
    ids = families.random_ids(ODD)[0].tolist()
    traffic = loaded.group.ring.traffic
    before = traffic.ring_bytes
    state = reader.read(reader.start(), ids[:100])
    sent = traffic.ring_bytes - before
    state = reader.read(state, ids[100:])
    restored = []
    if kept is not None and kept.exists():
        cache = reader.start().cache
        cache.restore(load_file(kept), ODD)
        restored = list(reader.write(ReadingState(cache, state.logits, ODD), max_tokens=TOKENS))
    elif kept is not None:
        save_file({name: t.contiguous() for name, t in state.cache.named_tensors().items()}, kept)
    return {
        "logits": state.logits.float().tolist(),
        "written": list(reader.write(state, max_tokens=TOKENS)),
        "restored": restored,
        "scores": [t.tolist() for t in reader.score(state, [[5, 6, 7], [8]])],
        "held": state.cache.layout.counts,
        "own_bytes": state.cache.own_bytes(),
        "all_bytes": state.cache.num_bytes(),
        "sent_by_layer": sent / len(state.cache.layers),
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4:])
