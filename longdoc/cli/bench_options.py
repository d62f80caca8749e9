"""What the commands of `longdoc bench` share: lists of numbers, haystacks, pictures, and how a result is delivered."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from longdoc.core.events import Listener

if TYPE_CHECKING:
    from longdoc.output.delivery import OutputOptions

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


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
        return Path(FILE.convert(value, parameter, context))


def _an_svg(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.lower().endswith(".svg"):
        raise click.BadParameter(f"{value!r} must end in .svg: pictures are drawn as SVG.")
    return value


LENGTHS = click.option(
    "--lengths", type=Numbers(int, 64), default="4096,32768", show_default=True, help="Lengths in tokens."
)
HAYSTACK = click.option(
    "--haystack",
    type=Haystack(),
    metavar="FILE",
    help='The document around it, or "numbers": made ledgers, logs and tables.',
)
WITHOUT = click.option("--without", type=click.Choice(["memory"]), help="Measure once more with this switched off.")
PLOT = click.option(
    "--plot", type=click.Path(dir_okay=False), metavar="FILE.svg", help="Draw the result as well.", callback=_an_svg
)


def deliver(
    work: Callable[[Listener], dict[str, Any]],
    output: OutputOptions,
    plot: str | None = None,
    *,
    condense: Callable[[dict[str, Any]], dict[str, Any]] = lambda result: result,
) -> dict[str, Any]:
    """Measure, then a table on a terminal, Markdown elsewhere, or JSON. -> the result.

    plot: the file of the picture, opened before anything is measured.   condense: what a table shows of the result.
    """
    from longdoc.output.json import dumps
    from longdoc.output.progress import open_display
    from longdoc.output.write import open_sink

    with ExitStack() as files:
        picture_sink = files.enter_context(open_sink(plot)) if plot else None
        sink = files.enter_context(open_sink(output.path))
        display = files.enter_context(open_display(output.progress, quiet=output.quiet))
        result = work(display)
        display.pause()
        if output.to in {"json", "jsonl"}:
            text = dumps(result, indent=2 if output.to == "json" else None) + "\n"
        else:
            from longdoc.bench import report

            shown = condense(result)
            text = report.terminal(shown) if sink.is_terminal and output.to == "md" else report.markdown(shown)
        sink.keep()
        sink.write(text)
        if picture_sink is not None:
            from longdoc.bench.pictures import picture

            picture_sink.keep()
            picture_sink.write(picture(result))
    return result
