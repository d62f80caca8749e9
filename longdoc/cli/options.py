"""The options that several commands share, gathered into the frozen data that the lower floors take.

A command gets them as one argument each:

    @options.source
    @options.model
    @options.output
    def summarize(source_options: SourceOptions, model_options: ModelOptions, output: OutputOptions) -> None: ...
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from longdoc import __version__
from longdoc.cli.bytes import Bytes
from longdoc.cli.report import Report
from longdoc.cli.settings import ENVIRONMENT_PREFIX
from longdoc.core.errors import InputNotFound, UsageError
from longdoc.core.settings import EMBEDDED_MODEL, STATES_BYTES, ModelOptions, SourceOptions, StateOptions

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from longdoc.core.events import Listener
    from longdoc.output.delivery import OutputOptions
    from longdoc.output.log import Log

_MAX_PASSWORD = 10_000  # characters: the file may be a device
Command = TypeVar("Command", bound=Callable[..., Any])
Decorator = Callable[[Command], Command]


def complete_path(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Let the shell complete the names of files, or of folders."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="dir" if parameter.metavar == "FOLDER" else "file")]


def setting(*names: str, **attributes: Any) -> Decorator[Any]:
    """A click option that LONGDOC_<LONG NAME> and the settings files can give too."""
    long_name = next(name for name in names if name.startswith("--")).split("/")[0].removeprefix("--")
    variable = ENVIRONMENT_PREFIX + long_name.replace("-", "_").upper()
    attributes.setdefault("default", False if attributes.get("is_flag") else None)
    attributes.setdefault("show_default", attributes["default"] is not None)
    if attributes.get("metavar") in {"FILE", "FOLDER"}:
        attributes.setdefault("shell_complete", complete_path)
    return click.option(*names, envvar=variable, **attributes)


style = setting(
    "--style",
    type=click.Choice(["full", "brief", "chapters", "timeline", "bullets"]),
    default="full",
    help="full: the whole, then part by part; brief: the whole alone; chapters: the parts alone; bullets: the whole as "
    "a list; timeline: the same with the time or place first.",
)

focus = click.option("--focus", metavar="WORDS", help='What the summary should be about: "the escape over the moor".')

language = click.option("--language", metavar="NAME", help="Language that a model writes in; not with --verbatim.")

sentences = setting(
    "--sentences",
    type=click.IntRange(min=1, max=2),
    default=2,
    metavar="N",
    help="Sentences of the document that an answer consists of, at most; the second only where the first is not sure.",
)


def _gathered(argument: str, build: Callable[..., object], *declared: Decorator[Any]) -> Decorator[Any]:
    """Declare options and hand them to the command as `argument`, built from their values."""

    def decorate(command: Command) -> Command:
        before = len(getattr(command, "__click_params__", []))

        @wraps(command)
        def called(*args: Any, **values: Any) -> Any:
            own = {name: values.pop(name) for name in names}
            return command(*args, **values, **{argument: build(**own)})

        for option in reversed(declared):
            option(called)
        names = [parameter.name for parameter in called.__click_params__[before:]]  # type: ignore[attr-defined]
        return called  # type: ignore[return-value]

    return decorate


def _source_options(
    password_file: str | None, max_input_mb: float, max_read_seconds: float | None, **values: str | None
) -> SourceOptions:
    password = _password(password_file) if password_file else None
    return SourceOptions(password=password, max_bytes=int(max_input_mb * 1e6), seconds=max_read_seconds, **values)


def _password(path: str) -> str:
    try:
        with Path(path).open(encoding="utf-8") as file:
            return file.readline(_MAX_PASSWORD).rstrip("\r\n")
    except OSError as error:
        raise InputNotFound(
            f"The password file {path} cannot be read.",
            why=error.strerror,
            fix="name a file whose first line is the password and that you may read",
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"The password file {path} is not UTF-8 text.") from error


def _model_options(offline: bool, kv_bits: str, **values: Any) -> ModelOptions:
    if offline:
        os.environ["HF_HUB_OFFLINE"] = "1"  # huggingface_hub reads it once, when it is imported
    return ModelOptions(offline=offline, kv_bits=int(kv_bits), **values)


def _output_options(
    as_json: bool, to: str, verbose: bool, log_file: str | None, quote: bool = False, **values: Any
) -> OutputOptions:
    from longdoc.output.delivery import OutputOptions

    context = click.get_current_context()
    listeners: list[Listener] = []
    if as_json:
        origin = context.get_parameter_source("to")
        if to not in {"json", "md"} and origin is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--json and --to {to} contradict each other.", context)
        to = "json"
    elif context.get_parameter_source("to") is click.core.ParameterSource.DEFAULT:
        to = _form_of(values["path"], context) or to
    report = context.find_object(Report)
    if report is not None:
        report.is_json = values["progress"] == "json"
        if log_file is not None:
            report.log = _log(log_file, [*context.params.get("sources", ()), values["path"] or "-"])
            report.log.write(f"longdoc {__version__}: {context.info_name}")
            listeners.append(report.log)
        listeners.append(report.stopper)  # the last: it may raise
    return OutputOptions(to=to, quote=quote, listeners=tuple(listeners), detailed=verbose, **values)  # type: ignore[arg-type]


def _form_of(path: str | None, context: click.Context) -> str | None:
    """The form that the ending of -o stands for, if the command has it: `html` for report.html."""
    forms = next(
        (p.type.choices for p in context.command.params if p.name == "to" and isinstance(p.type, click.Choice)), ()
    )
    ending = Path(path or "").suffix.lower().removeprefix(".")
    form = "text" if ending == "txt" else ending
    return form if form in forms else None


def _log(path: str, others: list[str]) -> Log:
    """Open the log. Raises UsageError when it is one of the other files of the command."""
    from longdoc.output.log import Log

    if any(other != "-" and Path(other).resolve() == Path(path).resolve() for other in others):
        raise UsageError(
            f"The log would be written into {path}.",
            why="it is a source or the result",
            fix="give --log-file another name",
        )
    return Log(path)


def _be_verbose(context: click.Context, _: click.Parameter, is_verbose: bool) -> bool:
    report = context.find_object(Report)
    if report is not None and is_verbose:
        report.is_verbose = True
    return is_verbose


source = _gathered(
    "source_options",
    _source_options,
    setting("--format", metavar="NAME", help="Reader to use (pdf, epub, text, ...) instead of looking at the content."),
    setting("--password-file", metavar="FILE", help="File whose first line opens an encrypted PDF."),
    click.option(
        "--pages",
        metavar="PAGES",
        help="Read only these: 10-40,iv-x. As printed where a page has that number, else counted from 1; #12 or p.12 "
        "is always counted.",
    ),
    click.option(
        "--sections",
        metavar="SECTIONS",
        help='Read only these: "Chapter 3,Intro*" by title, or 3,5-7 by the numbers that longdoc plan prints.',
    ),
    click.option("--times", metavar="TIMES", help="Read only these of a recording: 00:10:00-00:45:00,1:30:00-."),
    setting(
        "--max-input-mb",
        type=click.FloatRange(min=0, min_open=True),
        default=1000,
        metavar="MB",
        help="Refuse larger sources.",
    ),
    setting(
        "--max-read-seconds",
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        help="Give up a source whose parsing takes longer. By default 25, or 5 for each MB, from one page to the next.",
    ),
)

_MODEL = (
    setting("--model", default=EMBEDDED_MODEL, metavar="ID", help="Hugging Face id, or folder of a checkpoint."),
    setting("--revision", metavar="NAME", help="Branch, tag or commit of the model."),
    setting("--quantize", type=click.Choice(["auto", "4bit", "8bit", "none"]), default="auto", help="Weights' size."),
    setting("--adapter", metavar="NAME", help='Memory adapter: a name, a folder, or "none".'),
    setting(
        "--attention",
        type=click.Choice(["auto", "stream", "exact", "ring"]),
        default="auto",
        help="Constant memory, everything exact, whichever fits; or exact with the text shared out among GPUs.",
    ),
    setting(
        "--gpus",
        "processes",
        type=click.IntRange(min=1),
        metavar="N",
        help="Processes of a ring, one for each GPU; on a CPU as many as given.",
    ),
    setting("--sinks", type=click.IntRange(min=0), metavar="TOKENS", help="First tokens that are always kept."),
    setting("--window", type=click.IntRange(min=1), metavar="TOKENS", help="Last tokens that are kept exactly."),
    setting(
        "--highlights",
        type=click.IntRange(min=0),
        metavar="TOKENS",
        help="Tokens that are kept of those that left the window.",
    ),
    setting(
        "--segment",
        "segment_tokens",
        type=click.IntRange(min=1),
        metavar="TOKENS",
        help="Tokens that are read at a time.",
    ),
    setting(
        "--kv-bits",
        type=click.Choice(["8", "16"]),
        default="16",
        help="8: the window's keys and values in about half the bytes, decoded while something is written.",
    ),
    setting("--memory/--no-memory", default=True, help="Keep a compressed memory of what left the window."),
    setting("--device", default="auto", metavar="NAME", help="auto, cpu, cuda, cuda:1, ..."),
    setting(
        "--threads", type=click.IntRange(min=1), metavar="N", help="CPU threads; else all cores, one for small models."
    ),
    setting("--offline", is_flag=True, help="Never look for a model on the network."),
    setting(
        "--prompts",
        metavar="FOLDER",
        help="Prompts of your own, such as FOLDER/chat/answer.md, in the place of the shipped ones of the same name.",
    ),
)


def without(*tiers: str) -> Decorator[Any]:
    """`--without TIER`, any number of times, for `switched_off`."""
    return click.option(
        "--without",
        multiple=True,
        type=click.Choice(tiers),
        help="Switch a part off, to see what it is good for: "
        + "; ".join(f"{tier}: {_SWITCHED_OFF[tier]}" for tier in tiers)
        + ". Can be repeated.",
    )


_SWITCHED_OFF = {
    "memory": "read without the compressed memory",
    "highlights": "keep none",
    "search": "look nothing up, and answer from what was read alone",
}


def switched_off(model_options: ModelOptions, tiers: Collection[str]) -> ModelOptions:
    """The options without these tiers of the reading state."""
    if "memory" in tiers:
        model_options = replace(model_options, memory=False)
    return replace(model_options, highlights=0) if "highlights" in tiers else model_options


memory_limit = setting(
    "--memory-limit",
    type=Bytes(),
    metavar="SIZE",
    help="Choose sizes and quantization so that it takes no more: 800M, 8G.",
)

model = _gathered("model_options", _model_options, *_MODEL)

limited_model = _gathered("model_options", _model_options, *_MODEL, memory_limit)  # of commands that read documents

state_dir = setting("--state-dir", metavar="FOLDER", help="Where reading states are kept, if not in the usual place.")

states_bytes = setting(
    "--states-bytes",
    type=click.IntRange(min=1),
    default=STATES_BYTES,
    metavar="BYTES",
    help="What all reading states may take; those that were not used for longest are removed.",
)


fresh = click.option(
    "--fresh", is_flag=True, help="Start over: use nothing that an earlier run kept of these sources, and replace it."
)


def _state_options(state: bool, state_dir: str | None, states_bytes: int, fresh: bool) -> StateOptions | None:
    return StateOptions(folder=state_dir, most_bytes=states_bytes, fresh=fresh) if state else None


states = _gathered(
    "state_options",
    _state_options,
    setting(
        "--state/--no-state",
        default=True,
        help="Keep what was read on the disk, and go on from what was kept; or leave nothing there.",
    ),
    state_dir,
    states_bytes,
    fresh,
)

FORMS = ("md", "text", "json", "jsonl")
RESULT_FORMS = (*FORMS, "html")  # of summaries and answers


def _to(forms: tuple[str, ...]) -> Decorator[Any]:
    page = " html is one page that needs nothing else." if "html" in forms else ""
    return setting("--to", type=click.Choice(forms), default="md", help=f"Form of the result.{page}")


_SHOWN = (
    click.option("--json", "as_json", is_flag=True, help="The same as --to json."),
    click.option(
        "-o",
        "--output",
        "path",
        metavar="FILE",
        shell_complete=complete_path,
        help="Write the result to FILE, whole or not at all. Without --to its ending chooses the form.",
    ),
    setting(
        "--progress",
        type=click.Choice(["auto", "bar", "plain", "json", "none"]),
        default="auto",
        help="Form of the progress on standard error.",
    ),
    setting("--quiet", is_flag=True, help="Nothing but errors on standard error."),
    setting("--log-file", metavar="FILE", help="Add events, warnings and errors with their times to FILE."),
    click.option(
        "-v", "--verbose", is_flag=True, is_eager=True, callback=_be_verbose, help="Tracebacks; how it was read."
    ),
)

output = _gathered("output", _output_options, _to(FORMS), *_SHOWN)

summary_output = _gathered("output", _output_options, _to(RESULT_FORMS), *_SHOWN)

answer_output = _gathered(
    "output",
    _output_options,
    setting("--quote", is_flag=True, help="Show the passages that were re-read for each answer."),
    _to(RESULT_FORMS),
    *_SHOWN,
)


def folder_output(forms: click.ParamType[Any]) -> Decorator[Any]:
    """The options of a command that writes a folder of results. forms: what --to takes."""
    return _gathered(
        "output",
        partial(_output_options, as_json=False),
        setting(
            "--to",
            type=forms,
            default="md",
            help=f"Forms of the results: {', '.join(RESULT_FORMS)}; several as md,json.",
        ),
        click.option(
            "-o", "--output", "path", required=True, metavar="OUT", help="The folder of the results; made if need be."
        ),
        *_SHOWN[2:],
    )
