"""`longdoc bench passkey|needles|perplexity|gates|milestones`: what the state of a model still knows of a text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from longdoc.cli import options
from longdoc.cli.bench_options import FILE, HAYSTACK, LENGTHS, PLOT, WITHOUT, Numbers, deliver
from longdoc.core.events import Listener
from longdoc.core.settings import ModelOptions

if TYPE_CHECKING:
    from longdoc.output.delivery import OutputOptions

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


class Resets(Numbers):
    """Numbers of tokens, and `never`, which becomes None: `512,2048,never`."""

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        if not isinstance(value, str):
            return tuple(value)
        pieces = [piece.strip() for piece in value.split(",")]
        numbers = ",".join(piece for piece in pieces if piece != "never")
        found = super().convert(numbers, parameter, context) if numbers else ()
        return (*found, None) if "never" in pieces else found


@click.command()
@LENGTHS
@click.option(
    "--depths", type=Numbers(float, 0, 1), default="0,0.5,0.95", show_default=True, help="Places, 0 start, 1 end."
)
@click.option("--samples", type=click.IntRange(min=1), default=5, show_default=True, help="Numbers for each of them.")
@HAYSTACK
@WITHOUT
@PLOT
@options.model
@options.output
def passkey(
    lengths: tuple[int, ...],
    depths: tuple[float, ...],
    samples: int,
    haystack: Path | str | None,
    without: str | None,
    plot: str | None,
    model_options: ModelOptions,
    output: OutputOptions,
) -> None:
    """Whether a number told in a long text is still known at its end, from the reading state alone."""

    def work(on_event: Listener) -> dict[str, Any]:
        from longdoc.bench.passkey import run

        return run(
            model_options,
            lengths=lengths,
            depths=depths,
            samples=samples,
            text=haystack,
            without_memory=without == "memory",
            on_event=on_event,
        )

    deliver(work, output, plot=plot)


@click.command()
@LENGTHS
@click.option("--facts", type=Numbers(int, 1), default="1,4,8,16,32", show_default=True, help="How many in a text.")
@click.option("--samples", type=click.IntRange(min=1), default=3, show_default=True, help="Texts for each of them.")
@HAYSTACK
@WITHOUT
@PLOT
@options.model
@options.output
def needles(
    lengths: tuple[int, ...],
    facts: tuple[int, ...],
    samples: int,
    haystack: Path | str | None,
    without: str | None,
    plot: str | None,
    model_options: ModelOptions,
    output: OutputOptions,
) -> None:
    """How many facts, spread over a long text, are still known at its end: names with numbers, each asked for."""

    def work(on_event: Listener) -> dict[str, Any]:
        from longdoc.bench.needles import run

        return run(
            model_options,
            lengths=lengths,
            facts=facts,
            samples=samples,
            text=haystack,
            without_memory=without == "memory",
            on_event=on_event,
        )

    deliver(work, output, plot=plot)


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=FILE)
@click.option(
    "--reset",
    "resets",
    type=Resets(int, 2),
    default="never",
    show_default=True,
    metavar="N,N,never",
    help="Tokens after which the state starts empty again.",
)
@click.option("--max-tokens", type=click.IntRange(min=2), metavar="N", help="Only so many of each file.")
@PLOT
@options.model
@options.output
def perplexity(
    files: tuple[Path, ...],
    resets: tuple[int | None, ...],
    max_tokens: int | None,
    plot: str | None,
    model_options: ModelOptions,
    output: OutputOptions,
) -> None:
    """How well texts are predicted, by position, with and without the memory and with a state that starts anew."""

    def work(on_event: Listener) -> dict[str, Any]:
        from longdoc.bench.perplexity import run

        return run(model_options, files, resets=resets, max_tokens=max_tokens, on_event=on_event)

    deliver(work, output, plot)


@click.command()
@click.option(
    "--lengths",
    type=Numbers(int, 64),
    default="1024,4096,16384",
    show_default=True,
    help="Where in the text to look, in tokens.",
)
@HAYSTACK
@PLOT
@options.model
@options.output
def gates(
    lengths: tuple[int, ...],
    haystack: Path | str | None,
    plot: str | None,
    model_options: ModelOptions,
    output: OutputOptions,
) -> None:
    """What the memory does with a text: what each head writes, how far it is open, and how full it gets."""

    def work(on_event: Listener) -> dict[str, Any]:
        from longdoc.bench.gates import run

        return run(model_options, lengths=lengths, text=haystack, on_event=on_event)

    deliver(work, output, plot)


@click.command()
@click.option("--config", "config_file", type=FILE, required=True, help="The model's train.toml: what was held out.")
@click.option("--data", type=_FOLDER, required=True, help="The folder that the globs of the configuration start from.")
@click.option("--qa", type=FILE, metavar="FILE.jsonl", help="Questions with context, answers, answerable and doc_id.")
@click.option("--samples", type=click.IntRange(min=10), default=100, show_default=True, help="Of each milestone.")
@options.model
@options.output
def milestones(
    config_file: Path, data: Path, qa: Path | None, samples: int, model_options: ModelOptions, output: OutputOptions
) -> None:
    """Whether a model copies, fills gaps and tells passages apart: what must be learned before answers are."""

    def work(on_event: Listener) -> dict[str, Any]:
        from longdoc.bench.milestones import run
        from longdoc.train.config import load_config
        from longdoc.train.held_out import held_out_questions, held_out_texts

        held = load_config(config_file).data
        questions = [*held_out_questions(qa, held)] if qa else []
        return run(model_options, [*held_out_texts(data, held)], questions, samples=samples, on_event=on_event)

    deliver(work, output)


COMMANDS = (passkey, needles, perplexity, gates, milestones)
