"""`longdoc help`: the help of a command, and what is told once for all of them."""

from __future__ import annotations

import click

from longdoc.cli.man import ManCommand
from longdoc.core.errors import EXIT_CODES, UsageError

_ROWS = """\
--from jsonl takes rows, one JSON object a line, from files or from standard input (-):

  {"id": 7, "text": "It rained.", "question": "Did it rain?"}
  {"id": "b", "path": "book.pdf", "questions": ["Who?", "When?"]}

  id         whatever you like; it stands in each result of the row
  text       the document itself; no reading state is kept of it
  path       or a file, or a folder that is read as one document
  question   for longdoc ask; or questions, a list. Rows without one take those of -q
  Other fields are not looked at, and empty lines are left out.

Results come in the order of the rows, one JSON object a line (--to json: an array at the end), and each before the
next row is read. A row that is wrong, or whose document cannot be read, has a result with "status": "failed" and an
error; the others go on, and the exit code is 3.
"""


@click.command(
    cls=ManCommand,
    examples=[
        ("What the exit codes mean", "longdoc help exit-codes"),
        ("The options of a command, as longdoc ask --help", "longdoc help ask"),
    ],
)
@click.argument("topic", nargs=-1, metavar="[COMMAND...|exit-codes|rows|events]")
@click.pass_context
def help(context: click.Context, topic: tuple[str, ...]) -> None:
    """Show the help of a command, or on a topic: exit-codes, rows (--from jsonl), events (--progress json)."""
    text = _TOPICS[topic[0]]() if len(topic) == 1 and topic[0] in _TOPICS else _command_help(context, topic)
    click.echo(text.rstrip("\n"))


def _command_help(context: click.Context, names: tuple[str, ...]) -> str:
    inner = context.find_root()
    for name in names:
        command = inner.command
        found = command.get_command(inner, name) if isinstance(command, click.Group) else None
        if found is None:
            known = command.list_commands(inner) if isinstance(command, click.Group) else []
            topics = [*known, *(() if len(names) > 1 else _TOPICS)]
            raise UsageError(f"There is no help on {' '.join(names)}.", fix=f"there is help on {', '.join(topics)}")
        inner = click.Context(found, parent=inner, info_name=name)
    return inner.get_help()


def exit_codes_text() -> str:
    """The table of exit codes."""
    return "\n".join(f"{code:>5}  {meaning}" for code, meaning in EXIT_CODES.items())


def _events_text() -> str:
    """What `--progress json` writes, from its schema."""
    from longdoc.output.json import schema

    found = schema("longdoc.event/1")
    lines = [found["description"], ""]
    for event in found["oneOf"]:
        lines += [event["properties"]["event"]["const"], f"    {event['description']}"]
        fields = [name for name in event["properties"] if name != "event"]
        lines += [f"    {', '.join(fields)}"] if fields else []
    return "\n".join(lines)


_TOPICS = {"exit-codes": exit_codes_text, "rows": lambda: _ROWS, "events": _events_text}
