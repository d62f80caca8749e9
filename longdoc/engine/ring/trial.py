"""What each of the processes does that try a ring for `longdoc doctor --ring` (`trial_process.py`).

First the links, then a reading of a random model: logits and greedy tokens must be those of one process. What is found
is left in a folder as `links.json` and `check.json`; where a process does not come so far, it says why (`complain`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from longdoc.core.errors import LongdocError
from longdoc.engine.load import LoadedModel
from longdoc.engine.reader import Reader
from longdoc.engine.ring.links import LIMIT_S, Patience, measure_links
from longdoc.engine.ring.made import Outcome, Shape, complaint, difference, made_model, outcome, random_ids, whole_plan
from longdoc.engine.ring.processes import Group, complain, join
from longdoc.engine.ring.reader import RingReader, serve
from longdoc.engine.ring.trial_process import CHECK, LINKS

TOKENS = 16
_SHAPE = Shape()
_MOST = {torch.float32: 1e-4, torch.bfloat16: 0.05}  # that logits may differ by, as a share of the largest
_CHECK_S = 3 * LIMIT_S


def take_part(folder: Path, device: str) -> int:
    """Join, try, leave. -> the exit code."""
    torch.set_num_threads(1)
    try:
        group = join(None, device)
        patience = Patience()
        try:
            links = measure_links(group, patience) if group.size > 1 else None
            if group.is_first and links is not None:
                _leave_word(folder / LINKS, links)
            with patience.step("a short reading in the ring was not done", _CHECK_S):
                found = check(group)
            if group.is_first:
                _leave_word(folder / CHECK, found)
        except RuntimeError as error:  # of a lost connection, and of a GPU's memory
            lines = str(error).splitlines()
            raise group.lost(f"process {group.rank}: {lines[0] if lines else type(error).__name__}") from error
        group.leave()
    except LongdocError as error:
        complain(error)
        return error.exit_code
    return 0


def check(group: Group) -> dict[str, Any]:
    """Every process calls this; the first one gets what was found: a row for each precision that the device has.

    difference: of the logits, ring and one process.   complaint: None when they are the same.
    """
    rows: list[dict[str, Any]] = []
    for dtype in (torch.float32, torch.bfloat16) if group.device.type == "cuda" else (torch.float32,):
        loaded = made_model(_SHAPE, group.device, dtype, group)
        if not group.is_first:
            serve(group, loaded)
            continue
        single, ring = both(loaded)
        group.let_go()
        exact = dtype == torch.float32
        rows.append(
            {
                "dtype": str(dtype).removeprefix("torch."),
                "difference": difference(single, ring),
                "tokens_equal": single.tokens == ring.tokens,
                "complaint": complaint(single, ring, _MOST[dtype], tokens=exact),  # a near tie is decided by rounding
            }
        )
    return {"processes": group.size, "tokens_written": TOKENS, "rows": rows}


def both(loaded: LoadedModel) -> tuple[Outcome, Outcome]:
    """What one process finds, and what the ring does: some whole calls that are shared out, and a rest that is not."""
    assert loaded.group is not None
    at_a_time = loaded.group.ring.sharded_from + 5
    ids = random_ids(2 * at_a_time + 37, _SHAPE.vocabulary)
    reach = len(ids) + TOKENS
    single = Reader(loaded, whole_plan("exact", 64, reach))
    ring = RingReader(loaded, whole_plan("ring", at_a_time, reach, loaded.group.size))
    return outcome(single, ids, TOKENS), outcome(ring, ids, TOKENS)


def _leave_word(path: Path, found: dict[str, Any]) -> None:
    path.write_text(json.dumps(found), encoding="utf-8")
