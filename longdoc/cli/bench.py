"""`longdoc bench`: exactness, speed, memory, recall, answers and summaries, measured on this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from longdoc.cli import options
from longdoc.core.events import Listener
from longdoc.core.settings import AskOptions, ModelOptions

if TYPE_CHECKING:
    from longdoc.output.delivery import OutputOptions

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


class Numbers(click.ParamType[tuple[float, ...]]):
    """Numbers with commas between them: `4096,32768`."""

    name = "numbers"

    def __init__(self, kind: Callable[[str], float], least: float, most: float | None = None) -> None:
        self.kind = kind
        self.least = least
        self.most = most

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> tuple[float, ...]:
        if not isinstance(value, str):
            return tuple(value)
        try:
            numbers = tuple(dict.fromkeys(self.kind(piece.strip()) for piece in value.split(",")))
        except ValueError:
            self.fail(f"{value!r} is not a list of numbers such as {self.least:g},{2 * self.least + 1:g}.")
        for number in numbers:
            if not self.least <= number or (self.most is not None and number > self.most):
                upper = f" and at most {self.most:g}" if self.most is not None else ""
                self.fail(f"{number:g} must be at least {self.least:g}{upper}.")
        return numbers


class Haystack(click.ParamType[Path | str]):
    """A document, or `numbers`: text full of numbers, made on the spot."""

    name = "file"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Path | str:
        from longdoc.bench import numbers

        if value == numbers.NAME:
            return numbers.NAME
        return Path(_FILE.convert(value, parameter, context))


def _an_svg(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.lower().endswith(".svg"):
        raise click.BadParameter(f"{value!r} must end in .svg: pictures are drawn as SVG.")
    return value


_LENGTHS = click.option(
    "--lengths", type=Numbers(int, 64), default="4096,32768", show_default=True, help="Lengths in tokens."
)
_HAYSTACK = click.option(
    "--haystack",
    type=Haystack(),
    metavar="FILE",
    help='The document around it, or "numbers": made ledgers, logs and tables.',
)
_WITHOUT = click.option("--without", type=click.Choice(["memory"]), help="Measure once more with this switched off.")
_PLOT = click.option(
    "--plot", type=click.Path(dir_okay=False), metavar="FILE.svg", help="Draw the result as well.", callback=_an_svg
)


@click.group()
def bench() -> None:
    """Measure exactness, speed, memory, recall, answers and summaries on this machine."""


@bench.command()
@click.argument("sources", nargs=-1, metavar="[SOURCE]...", type=_FILE)
@click.option("--tokens", type=Numbers(int, 100), metavar="N,N", help="Lengths of made texts, e.g. 100000,1000000.")
@click.option("--text", type=_FILE, metavar="FILE", help="What the made texts consist of, over and over.")
@options.model
@options.output
def speed(
    sources: tuple[Path, ...],
    tokens: tuple[int, ...] | None,
    text: Path | None,
    model_options: ModelOptions,
    output: OutputOptions,
) -> None:
    """Tokens a second and peak memory, for each SOURCE or made text in a process of its own."""
    lengths = tokens or (() if sources else (100_000, 1_000_000))

    def work(on_event: Listener) -> dict[str, Any]:
        from longdoc.bench.speed import run

        return run(model_options, sources=[*map(str, sources)], lengths=lengths, text=text, on_event=on_event)

    _deliver(work, output)


@bench.command()
@_LENGTHS
@click.option(
    "--depths", type=Numbers(float, 0, 1), default="0,0.5,0.95", show_default=True, help="Places, 0 start, 1 end."
)
@click.option("--samples", type=click.IntRange(min=1), default=5, show_default=True, help="Numbers for each of them.")
@_HAYSTACK
@_WITHOUT
@_PLOT
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

    _deliver(work, output, plot=plot)


@bench.command()
@_LENGTHS
@click.option("--facts", type=Numbers(int, 1), default="1,4,8,16,32", show_default=True, help="How many in a text.")
@click.option("--samples", type=click.IntRange(min=1), default=3, show_default=True, help="Texts for each of them.")
@_HAYSTACK
@_WITHOUT
@_PLOT
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

    _deliver(work, output, plot=plot)


@bench.command()
@click.option("--families", metavar="NAME,NAME", help="Only these of the tiny models.")
@options.model
@options.output
@click.pass_context
def exactness(context: click.Context, families: str | None, model_options: ModelOptions, output: OutputOptions) -> None:
    """How far the engine is from stock attention and from a naive loop: tiny models of all families, or --model."""
    is_given = context.get_parameter_source("model") is click.core.ParameterSource.COMMANDLINE
    names = [name.strip() for name in families.split(",")] if families else []
    if is_given and names:
        raise click.UsageError("--families are tiny models of the bench's own; leave out --model.", context)

    def work(on_event: Listener) -> dict[str, Any]:
        from longdoc.bench.exactness import run

        return run(model_options if is_given else None, families=names, on_event=on_event)

    from longdoc.bench.exactness import check, condensed

    check(_deliver(work, output, condensed))


@bench.command()
@click.argument("questions", nargs=-1, required=True, metavar="QUESTIONS.jsonl...", type=_FILE)
@click.option("--num", "num_questions", type=click.IntRange(min=1), default=100, show_default=True, help="Per source.")
@click.option("--max-words", type=click.IntRange(min=1), default=120_000, show_default=True, help="Length of the text.")
@click.option("--passages", type=click.IntRange(min=1), default=5, show_default=True, help="As for longdoc ask.")
@click.option("--naming", is_flag=True, help="Ask with the title of the short document, as in a collection of tales.")
@click.option("--all", "use_all", is_flag=True, help="Documents that the rankers were fitted on as well.")
@options.model
@options.output
def qa(
    questions: tuple[Path, ...],
    num_questions: int,
    max_words: int,
    passages: int,
    naming: bool,
    use_all: bool,
    model_options: ModelOptions,
    output: OutputOptions,
) -> None:
    """Answers, evidence and declining on joined texts: longdoc beside BM25 and its own rankers without a model."""

    def work(on_event: Listener) -> dict[str, Any]:
        from longdoc.bench.systems import run_qa

        return run_qa(
            model_options,
            questions,
            ask_options=AskOptions(passages=passages),
            num_questions=num_questions,
            max_words=max_words,
            held_out_only=not use_all,
            naming=naming,
            on_event=on_event,
        )

    _deliver(work, output)


@bench.command()
@click.argument("files", nargs=-1, required=True, metavar="SUMMARIES.jsonl...", type=_FILE)
@click.option("--num", "max_documents", type=click.IntRange(min=1), default=20, show_default=True, help="Per source.")
@click.option("--verbatim/--no-verbatim", default=None, help="As for longdoc summarize.")
@click.option("--all", "use_all", is_flag=True, help="Documents that the rankers were fitted on as well.")
@options.model
@options.output
def summaries(
    files: Sequence[Path],
    max_documents: int,
    verbatim: bool | None,
    use_all: bool,
    model_options: ModelOptions,
    output: OutputOptions,
) -> None:
    """Summaries beside human ones (ROUGE, content recall), next to leads and to the rankers without a model."""

    def work(on_event: Listener) -> dict[str, Any]:
        from longdoc.bench.systems import run_summaries

        return run_summaries(
            model_options,
            files,
            verbatim=verbatim,
            max_documents=max_documents,
            held_out_only=not use_all,
            on_event=on_event,
        )

    _deliver(work, output)


def _deliver(
    work: Callable[[Listener], dict[str, Any]],
    output: OutputOptions,
    condense: Callable[[dict[str, Any]], dict[str, Any]] = lambda result: result,
    plot: str | None = None,
) -> dict[str, Any]:
    """Measure, then a table on a terminal, Markdown elsewhere, or JSON.

    condense: what a table shows of the result.   plot: a file for its picture.
    """
    from longdoc.output.json import dumps
    from longdoc.output.progress import open_display
    from longdoc.output.write import open_sink

    with (
        open_sink(output.path) as sink,
        open_sink(plot) if plot else nullcontext() as picture_sink,
        open_display(output.progress, quiet=output.quiet) as display,
    ):
        result = work(display)
        display.pause()
        if picture_sink is not None:
            from longdoc.bench.pictures import picture

            picture_sink.keep()
            picture_sink.write(picture(result))
        if output.to in {"json", "jsonl"}:
            text = dumps(result, indent=2 if output.to == "json" else None) + "\n"
        else:
            from longdoc.bench import report

            shown = condense(result)
            text = report.terminal(shown) if sink.is_terminal and output.to == "md" else report.markdown(shown)
        sink.keep()
        sink.write(text)
    return result
