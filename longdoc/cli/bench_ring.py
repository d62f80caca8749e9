"""`longdoc bench ring`: a reading that several processes share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from longdoc.cli import options
from longdoc.cli.bench_engine import is_model_named
from longdoc.cli.bench_options import Numbers, deliver
from longdoc.core.events import Listener
from longdoc.core.settings import ModelOptions

if TYPE_CHECKING:
    from longdoc.output.delivery import OutputOptions


@click.command()
@click.option(
    "--processes",
    "sizes",
    type=Numbers(int, 1, 64),
    metavar="N,N",
    help="Numbers of processes. By default 1,2,4, or as many of these as there are GPUs.",
)
@click.option("--tokens", type=click.IntRange(min=256), default=16_384, show_default=True, help="Read at once.")
@click.option("--write", type=click.IntRange(min=2), default=32, show_default=True, help="Tokens written after it.")
@click.option(
    "--bandwidth",
    "bandwidths",
    type=Numbers(float, 0.001),
    default="25,300",
    show_default=True,
    metavar="GB/S,GB/S",
    help="Of links between GPUs, for what is calculated: as of PCIe and of NVLink.",
)
@click.option(
    "--flops",
    type=click.FloatRange(min=1),
    metavar="N",
    help="Operations a second of a GPU's attention in 16 bits, such as 4e14, for what is calculated; else as measured.",
)
@options.model
@options.output
@click.pass_context
def ring(
    context: click.Context,
    sizes: tuple[int, ...] | None,
    tokens: int,
    write: int,
    bandwidths: tuple[float, ...],
    flops: float | None,
    model_options: ModelOptions,
    output: OutputOptions,
) -> None:
    """Seconds, bytes sent, overlap and exactness of a ring, for a random model or --model; and the same on paper.

    Each number of processes reads once, in processes of their own, and is compared with one process. On paper: from
    which length of text on, for 8 and 64 GPUs, transfers are over before the attention that hides them.
    """

    def work(on_event: Listener) -> dict[str, Any]:
        from longdoc.bench.ring import run

        return run(
            model_options,
            is_named=is_model_named(context),
            processes=sizes,
            tokens=tokens,
            write=write,
            bandwidths=bandwidths,
            flops=flops,
            on_event=on_event,
        )

    def condense(result: dict[str, Any]) -> dict[str, Any]:
        from longdoc.bench.ring import condensed

        return condensed(result)

    deliver(work, output, condense=condense)


COMMANDS = (ring,)
