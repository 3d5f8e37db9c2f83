"""The server of `onema voice record`: one page for one browser on this machine, until Ctrl-C."""

import asyncio
import datetime
import secrets
import signal
from typing import TYPE_CHECKING

from onema.cli.output import CliError, complain, say

if TYPE_CHECKING:
    from onema.console.recording.studio import Studio
    from onema.speech.making.sitting import Sitting

_HOST = "127.0.0.1"
_STOP_SECONDS = 2.0


def serve(studio: "Studio", sitting: "Sitting", port: int, *, json: bool) -> None:
    """Print the address and answer there. Raises CliError when the port is taken."""
    try:
        asyncio.run(_serve(studio, sitting, port, json=json))
    except OSError as error:
        raise CliError(f"{_HOST}:{port} cannot be listened on: {error.strerror}.") from error


async def _serve(studio: "Studio", sitting: "Sitting", port: int, *, json: bool) -> None:
    from onema.console.recording.local import build_local_recording
    from onema.http.application import HttpApplication
    from onema.http.client_address import TrustedProxies
    from onema.http.server import HttpServer
    from onema.telemetry.metrics import Metrics

    def new_token() -> str:
        return secrets.token_urlsafe(24)

    def today() -> datetime.date:
        return datetime.datetime.now().astimezone().date()

    token = new_token()
    pages = build_local_recording(studio, sitting.voice_id, token=token, new_token=new_token, today=today)
    application = HttpApplication((), pages, TrustedProxies(), lambda: True, Metrics())
    server = HttpServer(application, _HOST, port)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await server.start()
    try:
        _greet(studio, sitting, f"http://{_HOST}:{server.port}/?token={token}", json=json)
        await stop.wait()
    finally:
        await server.stop(_STOP_SECONDS)
    _part(studio, sitting)


def _greet(studio: "Studio", sitting: "Sitting", address: str, *, json: bool) -> None:
    import sys

    from onema.cli.output import print_json

    takes, pack = studio.takes / sitting.voice_id, studio.packs / sitting.voice_id
    if json:
        print_json({"address": address, "voice": sitting.voice_id, "takes": str(takes), "pack": str(pack)})
    else:
        say(f"{sitting.speaker} reads for the voice {sitting.voice_id}, with the lines of {sitting.like.id}.")
        say()
        say(f"  {address}")
        say()
        say("Open this address in a browser on this machine; it is good for one browser, once.")
        say(f"Takes are kept in {takes}, the finished voice goes to {pack}.")
        say("Ctrl-C ends; the same command goes on another time.")
    sys.stdout.flush()


def _part(studio: "Studio", sitting: "Sitting") -> None:
    if (studio.packs / sitting.voice_id).is_dir():
        complain(f"The voice is in {studio.packs / sitting.voice_id}; a server reads it when it starts.")
    elif missing := sitting.missing():
        complain(f"{len(missing)} readings are left; the same command goes on with them.")
