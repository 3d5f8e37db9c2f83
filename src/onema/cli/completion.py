import enum
from typing import Annotated

import typer

from onema.cli.command import Cli, Commands

app = Commands()


class Shell(enum.StrEnum):
    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


@app.command()
def completion(cli: Cli, shell: Annotated[Shell, typer.Argument(help="Whose commands to print.")]) -> None:
    """Print what lets a shell complete commands and options: `source <(onema completion bash)`."""
    from typer.completion import get_completion_script  # type: ignore[attr-defined]  # typer has no other name for it

    from onema.cli.output import print_json, say_lines
    from onema.cli.program import COMPLETION

    script = get_completion_script(prog_name="onema", complete_var=COMPLETION, shell=shell)
    if cli.json:
        print_json({"script": script})
    else:
        say_lines(script)
