"""`dock completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from learndock.cli.command import Command

_VARIABLE = "_DOCK_COMPLETE"


@click.command("completion", cls=Command)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion_command(shell: str) -> None:
    """Print the script that completes commands, options and their values.

    Example:
      dock completion bash >> ~/.bashrc
      dock completion zsh >> ~/.zshrc
      dock completion fish > ~/.config/fish/completions/dock.fish

    """
    kind = get_completion_class(shell)
    root = click.get_current_context().find_root().command
    if kind is not None:
        # The template is filled here, for click's own way asks the shell for its version by running it.
        complete = kind(root, {}, "dock", _VARIABLE)
        click.echo(complete.source_template % complete.source_vars())
