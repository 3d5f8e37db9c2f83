from typing import Annotated

import typer

from onema.cli.command import Cli, Commands

app = Commands()


@app.command()
def settings(
    cli: Cli,
    changed: Annotated[
        bool, typer.Option("--changed", help="Only those that differ from the default.")
    ] = False,
) -> None:
    """List every setting, its value and what it means: of the server that runs on the data folder, else as this
    command line finds them.
    """
    from onema.administration.requests import ReadSettings
    from onema.cli.output import print_json, print_table, say, terminal_width
    from onema.cli.session import ask_running_server
    from onema.settings import Settings, describe, shown

    own = cli.settings()
    running = None if own.database else ask_running_server(own, ReadSettings())
    values = {**dict(shown(own)), **(running or {})}
    defaults = dict(shown(Settings()))
    rows = [row for row in describe() if not changed or values[row.name] != defaults[row.name]]
    if cli.json:
        print_json(
            [
                {
                    "name": row.name,
                    "value": values[row.name],
                    "default": row.default.strip("`"),
                    "changed": values[row.name] != defaults[row.name],
                    "variable": row.variable,
                    "type": row.type,
                    "secret": row.secret,
                    "help": row.help,
                }
                for row in rows
            ]
        )
        return
    width = terminal_width()
    if not width:
        print_table(
            ("setting", "value", "variable", "meaning"),
            [(row.name, values[row.name], row.variable, row.help) for row in rows],
        )
        return
    where = f"the server that runs on {own.data}" if running else "a server that is started from here"
    say(f"Of {where}.")
    say("* is not the default. `onema settings --json` has all of it.")
    for row in rows:
        mark = " " if values[row.name] == defaults[row.name] else "*"
        line = f"{mark} {row.name:<26} {values[row.name] or '-':<16} {row.help}"
        say(line if len(line) <= width else f"{line[: width - 1]}…")
