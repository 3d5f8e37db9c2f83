"""`onema serve`: run the server until it is told to stop."""

import os
from pathlib import Path
from typing import Annotated

import typer

from onema.cli.command import folder
from onema.cli.serving import refuse_to_start, run


def serve(
    ctx: typer.Context,
    settings_file: Annotated[
        Path | None, typer.Option("--settings", help="TOML file with settings.", envvar="ONEMA_SETTINGS")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Data folder.", parser=folder, metavar="<path>")] = None,
    database: Annotated[
        str | None,
        typer.Option(help="postgresql://... for many nodes; without it, SQLite in the data folder."),
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    roles: Annotated[
        str | None,
        typer.Option(help="What it does, of api,deliver,voice,console; everything without it."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes that serve the port together; PostgreSQL only.")
    ] = None,
) -> None:
    """Run the server: the APIs, delivery and the console."""
    from onema.settings import SettingsError, load_settings, split_list

    given = {
        "data": data,
        "database": database,
        "listen.host": host,
        "listen.port": port,
        "roles": None if roles is None else split_list(roles),
        "workers": workers,
    }
    overrides = {name: value for name, value in given.items() if value is not None}
    try:
        settings = load_settings(settings_file, os.environ, overrides)
    except SettingsError as error:
        refuse_to_start(str(error))
    if settings.workers > 1:
        from onema.cli.supervising import run_workers

        run_workers(settings)
    else:
        run(settings)
