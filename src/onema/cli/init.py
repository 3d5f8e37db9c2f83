import secrets
import uuid
from pathlib import Path
from typing import Annotated

import typer

from onema.cli.command import Cli, Commands

app = Commands()

EXAMPLE = Path(__file__).with_name("onema.toml")
_KEY_BYTES = 16


@app.command()
def init(
    cli: Cli,
    file: Annotated[Path, typer.Argument(help="The file to write.")] = Path("onema.toml"),
) -> None:
    """Write a configuration to begin with: every part explained, with keys of its own, as `onema apply` takes it.

    A file that is there is left alone.
    """
    import os

    from onema.cli.output import CliError, print_json, say

    try:
        # It holds secrets from its first byte on.
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise CliError(f"{file} is there already, and stays as it is. Name another file.") from error
    with open(descriptor, "w", encoding="utf-8") as stream:
        stream.write(new_configuration())
    if cli.json:
        print_json({"file": str(file)})
    else:
        say(f"{file} is written, with new keys: keep it to yourself.")
        say(
            f"Next: read it, `onema apply {file}`, and `onema serve`, which prints a link that makes you the owner."
        )


def new_configuration() -> str:
    """The example, with keys and secrets that nobody else has."""
    from string import Template

    def key() -> str:
        return secrets.token_hex(_KEY_BYTES)

    return Template(EXAMPLE.read_text(encoding="utf-8")).substitute(
        esms_key=key().upper(),
        esms_secret=key().upper(),
        vbee_key=str(uuid.uuid4()),
        vbee_secret=key(),
        ytx_key=key(),
        ytx_secret=key(),
        ytx_appid=key(),
    )
