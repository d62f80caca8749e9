"""`longdoc doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from longdoc.cli import options
from longdoc.cli.man import ManCommand
from longdoc.core.errors import LongdocError
from longdoc.core.settings import ModelOptions

if TYPE_CHECKING:
    from longdoc.pipeline.doctor import Check

SCHEMA = "longdoc.doctor/1"


@click.command(
    cls=ManCommand,
    examples=[
        ("Whether all that is needed works here", "longdoc doctor"),
        ("Whether a model can be used without the network", "longdoc doctor --model ./model --offline"),
        ("Whether several GPUs can share a document", "longdoc doctor --ring"),
    ],
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
@click.option(
    "--ring",
    is_flag=True,
    help="Try a ring as well: one process for each GPU, or two on the CPU; --gpus says how many.",
)
@options.state_dir
@options.model
def doctor(as_json: bool, ring: bool, state_dir: str | None, model_options: ModelOptions) -> None:
    """Check what this machine can do, and make a small summary: exit code 1 when that fails.

    Python, torch, GPUs, fused attention, full-text search, the worker processes that parse documents, folders, the
    network, the models that would fit, the model itself, and 4-bit weights with a tiny product. With --ring also the
    links between processes, and whether they read exactly what one reads: exit code 1 when they do not.
    """
    from longdoc.output.progress import open_display
    from longdoc.pipeline.doctor import examine, is_fit

    with open_display("auto") as display:
        checks = examine(model_options, display, state_dir, ring=ring)
    click.echo(_json(checks, is_fit(checks)) if as_json else "\n".join(map(_line, checks)))
    if not is_fit(checks):
        broken = [check for check in checks if check.is_needed and not check.is_ok]
        of_ring = all(check.name in ("links", "ring") for check in broken)
        what = "A ring does not work here." if of_ring else "No summary can be made here."
        raise LongdocError(what, why=broken[0].found, fix=broken[0].fix)


def _line(check: Check) -> str:
    """`ok    search   SQLite 3.45.1 with FTS5`."""
    from longdoc.output.wording import one_line

    mark = "ok" if check.is_ok else "fail" if check.is_needed else "none"
    mark = mark if check.is_tried else "-"
    fix = f"\n{'':16}try: {one_line(check.fix)}" if check.fix else ""
    return f"{mark:<6}{check.name:<10}{one_line(check.found)}{fix}"


def _json(checks: list[Check], fit: bool) -> str:
    from longdoc.output.json import dumps

    rows = [
        {
            "name": c.name,
            "ok": c.is_ok,
            "tried": c.is_tried,
            "needed": c.is_needed,
            "found": c.found,
            "fix": c.fix,
            "details": c.details,
        }
        for c in checks
    ]
    return dumps({"schema": SCHEMA, "ok": fit, "checks": rows}, indent=2)
