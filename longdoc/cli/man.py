"""Help texts as a manual page: what a command does, its options in groups, and examples. Knows no command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

# Which group of a command's help an option belongs to, by the name of its parameter; the others come first.
GROUPS = {
    "Source": (
        "source_form", "format", "password_file", "pages", "sections", "times", "max_input_mb", "max_read_seconds",
    ),
    "Model": ("model", "revision", "quantize", "adapter", "device", "threads", "offline", "prompts"),
    "Attention and memory": (
        "attention", "memory_limit", "sinks", "window", "highlights", "segment_tokens", "kv_bits", "memory", "without",
    ),
    "Reading states": ("state", "state_dir", "states_bytes", "fresh"),
    "Output": ("to", "as_json", "path", "quote", "progress", "quiet", "log_file", "verbose"),
}  # fmt: skip
_GROUP_OF = {name: title for title, names in GROUPS.items() for name in names}
_OWN = "Options"

Example = tuple[str, str]  # what it is for, the command line


class ManCommand(click.Command):
    """A command whose help has its options in groups, and examples at its end."""

    def __init__(self, *args: Any, examples: Sequence[Example] = (), **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.examples = tuple(examples)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the groups that have options, the command's own first."""
        write_options(self, ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, and what else stands at the end."""
        write_examples(self.examples, formatter)
        super().format_epilog(ctx, formatter)


class ManGroup(click.Group):
    """A group of such commands. What each does is told in a whole sentence.

    tables: title -> rows, below the examples.
    """

    command_class = ManCommand

    def __init__(
        self,
        *args: Any,
        examples: Sequence[Example] = (),
        tables: Mapping[str, Sequence[tuple[str, str]]] | None = None,
        **attributes: Any,
    ) -> None:
        super().__init__(*args, **attributes)
        self.examples = tuple(examples)
        self.tables = dict(tables or {})

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a line or two for each command."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, c.get_short_help_str(limit=1000)) for name, c in found if c is not None])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, the tables, and what else stands at the end."""
        write_examples(self.examples, formatter)
        for title, rows in self.tables.items():
            with formatter.section(title):
                formatter.write_dl(rows)
        super().format_epilog(ctx, formatter)


def write_options(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """The options in their groups, in the order that they are declared in."""
    rows: dict[str, list[tuple[str, str]]] = {title: [] for title in (_OWN, *GROUPS)}
    for parameter in command.get_params(ctx):
        record = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
        if record is not None:
            rows[_GROUP_OF.get(str(parameter.name), _OWN)].append(record)
    if sum(bool(found) for found in rows.values()) <= 2 and sum(map(len, rows.values())) <= 6:
        rows = {_OWN: [record for found in rows.values() for record in found]}  # too few for groups
    for title, found in rows.items():
        if found:
            with formatter.section(title):
                formatter.write_dl(found)


def write_examples(examples: Sequence[Example], formatter: click.HelpFormatter) -> None:
    """What each is for, and below it the command line, which is not wrapped."""
    if not examples:
        return
    with formatter.section("Examples"):
        indent = " " * formatter.current_indent
        for what, line in examples:
            formatter.write(f"{indent}{what}:\n{indent}  {line}\n")
