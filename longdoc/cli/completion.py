"""`longdoc completion`: the script by which a shell completes commands, options and files."""

from __future__ import annotations

import click

from longdoc.cli.man import ManCommand

# Where the script is loaded from, and a line that tells the shell to.
_INSTALL = {
    "bash": "longdoc completion bash > ~/.local/share/bash-completion/completions/longdoc",
    "zsh": "longdoc completion zsh > ~/.zfunc/_longdoc  # with fpath+=~/.zfunc before compinit in ~/.zshrc",
    "fish": "longdoc completion fish > ~/.config/fish/completions/longdoc.fish",
}


@click.command(cls=ManCommand, examples=[(f"For {shell}", line) for shell, line in _INSTALL.items()])
@click.argument("shell", type=click.Choice([*_INSTALL]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that completes longdoc's commands, options and files in SHELL.

    Put it where your shell looks for such scripts, and open a new shell.
    """
    from click.shell_completion import get_completion_class

    script = get_completion_class(shell)
    assert script is not None
    made = script(context.find_root().command, {}, "longdoc", "_LONGDOC_COMPLETE")
    click.echo(made.source_template % made.source_vars())
