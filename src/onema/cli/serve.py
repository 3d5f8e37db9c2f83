"""`onema serve`: run the server until it is told to stop."""

import asyncio
import gc
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from onema.console.handset import DemoHints
    from onema.settings import Settings


def serve(
    ctx: typer.Context,
    settings_file: Annotated[
        Path | None, typer.Option("--settings", help="TOML file with settings.", envvar="ONEMA_SETTINGS")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Data folder.")] = None,
    database: Annotated[
        str | None,
        typer.Option(help="postgresql://... for many nodes; without it, SQLite in the data folder."),
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
) -> None:
    """Run the server: the APIs, delivery and the console."""
    from onema.settings import SettingsError, load_settings

    given = {"data": data, "database": database, "listen.host": host, "listen.port": port}
    overrides = {name: value for name, value in given.items() if value is not None}
    try:
        settings = load_settings(settings_file, os.environ, overrides)
    except SettingsError as error:
        sys.exit(str(error))
    run(settings)


def run(settings: "Settings", demo: "DemoHints" = (), greeting: str = "") -> None:
    """Serve until SIGTERM or SIGINT; `greeting` is printed once the server is ready."""
    import uvloop

    from onema.telemetry.logs import configure_logging

    configure_logging(settings.logs.level, settings.logs.format)
    uvloop.run(_serve(settings, demo, greeting))


async def _serve(settings: "Settings", demo: "DemoHints", greeting: str) -> None:
    from onema.delivery.carriers import CarrierRefused
    from onema.engine.data_folder import DataFolderError
    from onema.storage.contract import StorageError
    from onema.wiring import App

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        async with App(settings, demo=demo) as app:
            _calm_the_collector()
            print(greeting or f"onema listens on {settings.listen.host}:{app.port}", flush=True)
            await stop.wait()
    except (CarrierRefused, DataFolderError, StorageError, OSError) as error:
        sys.exit(f"onema cannot start: {error}")


def _calm_the_collector() -> None:
    """What lives now lives as long as the server, and a request leaves hardly any cycles behind: looking at all
    of it again and again cost a send one part in fifteen.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)
