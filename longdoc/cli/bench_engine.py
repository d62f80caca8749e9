"""`longdoc bench exactness|speed|state`: is the engine right, how fast is it, how many bytes does it hold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from longdoc.cli import options
from longdoc.cli.bench_options import FILE, PLOT, Numbers, deliver
from longdoc.core.events import Listener
from longdoc.core.settings import ModelOptions

if TYPE_CHECKING:
    from longdoc.output.delivery import OutputOptions


def is_model_named(context: click.Context) -> bool:
    """Whether --model stands on the command line: the settings' model is not meant for tiny models or shapes."""
    return context.get_parameter_source("model") is click.core.ParameterSource.COMMANDLINE


@click.command()
@click.option("--families", metavar="NAME,NAME", help="Only these of the tiny models.")
@options.model
@options.output
@click.pass_context
def exactness(context: click.Context, families: str | None, model_options: ModelOptions, output: OutputOptions) -> None:
    """How far the engine is from stock attention and from a naive loop: tiny models of all families, or --model."""
    is_given = is_model_named(context)
    names = [name.strip() for name in families.split(",")] if families else []
    if is_given and names:
        raise click.UsageError("--families are tiny models of the bench's own; leave out --model.", context)

    def work(on_event: Listener) -> dict[str, Any]:
        from longdoc.bench.exactness import run

        return run(model_options if is_given else None, families=names, on_event=on_event)

    def condense(result: dict[str, Any]) -> dict[str, Any]:
        from longdoc.bench.exactness import condensed

        return condensed(result)

    result = deliver(work, output, condense=condense)
    from longdoc.bench.exactness import check

    check(result)


@click.command()
@click.argument("sources", nargs=-1, metavar="[SOURCE]...", type=FILE)
@click.option("--tokens", type=Numbers(int, 100), metavar="N,N", help="Lengths of made texts, e.g. 100000,1000000.")
@click.option("--text", type=FILE, metavar="FILE", help="What the made texts consist of, over and over.")
@click.option(
    "--mode",
    "modes",
    default="stream",
    show_default=True,
    metavar="NAME,NAME",
    help="stream, exact, stock (transformers' own full attention), no-history.",
)
@click.option("--runs", type=click.IntRange(min=1), default=1, show_default=True, help="Of each; the median counts.")
@click.option(
    "--exact-tokens",
    type=click.IntRange(min=100),
    default=32_768,
    show_default=True,
    help="Longest made text that is read with a full cache; longer ones are projected.",
)
@click.option(
    "--clock",
    type=click.Choice(["wall", "cpu"]),
    default="wall",
    show_default=True,
    help="cpu: the processor's seconds, for a busy machine; with --threads 1.",
)
@PLOT
@options.model
@options.output
def speed(
    sources: tuple[Path, ...],
    tokens: tuple[int, ...] | None,
    text: Path | None,
    modes: str,
    runs: int,
    exact_tokens: int,
    clock: str,
    plot: str | None,
    model_options: ModelOptions,
    output: OutputOptions,
) -> None:
    """Tokens a second and peak memory, for each SOURCE or made text in a process of its own."""
    lengths = tokens or (() if sources else (100_000, 1_000_000))

    def work(on_event: Listener) -> dict[str, Any]:
        from longdoc.bench.speed import run

        return run(
            model_options,
            sources=[*map(str, sources)],
            lengths=lengths,
            text=text,
            modes=tuple(dict.fromkeys(name.strip() for name in modes.split(","))),
            runs=runs,
            exact_tokens=exact_tokens,
            clock=clock,
            on_event=on_event,
        )

    deliver(work, output, plot)


@click.command()
@click.option("--tokens", type=Numbers(int, 1), metavar="N,N", help="Lengths in tokens.")
@options.model
@options.output
@click.pass_context
def state(
    context: click.Context, tokens: tuple[int, ...] | None, model_options: ModelOptions, output: OutputOptions
) -> None:
    """Bytes of the reading state and of a full cache: for Llama-3-8B's shape, or --model. Loads no weights."""

    def work(on_event: Listener) -> dict[str, Any]:
        from longdoc.bench.state import LENGTHS, run

        return run(model_options, is_named=is_model_named(context), lengths=tokens or LENGTHS)

    deliver(work, output)


COMMANDS = (exactness, speed, state)
