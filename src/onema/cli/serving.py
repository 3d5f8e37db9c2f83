"""A server in this process, until it is told to stop: for `onema serve`, `onema demo` and each worker."""

import asyncio
import errno
import gc
import logging
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

import onema
from onema.cli.output import complain, say_lines
from onema.cli.service_manager import tell_service_manager

if TYPE_CHECKING:
    from onema.console.handset.routes import DemoHints
    from onema.node.membership import Membership
    from onema.settings import Settings
    from onema.wiring.server import App

log = logging.getLogger(__name__)


class CannotStart(Exception):
    """The server cannot start; the text is a sentence for the operator."""


def refuse_to_start(reason: str) -> NoReturn:
    complain(f"onema cannot start: {reason}")
    sys.exit(1)


def leave_no_core() -> None:
    """Let neither this process nor its children write their memory to disk when they crash: keys are in it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(settings: "Settings", demo: "DemoHints" = (), greeting: str = "") -> None:
    """Serve until SIGTERM or SIGINT; `greeting` is printed once the server is ready."""
    import uvloop

    from onema.telemetry.logs import configure_logging

    leave_no_core()
    configure_logging(settings.logs.level, settings.logs.format)
    uvloop.run(_serve(settings, demo, greeting))


async def _serve(settings: "Settings", demo: "DemoHints", greeting: str) -> None:
    def greet(port: int) -> None:
        say_lines(greeting or f"onema listens on {settings.listen.host}:{port}")

    try:
        await serve_until(asyncio.Event(), settings, greet, demo=demo)
    except CannotStart as error:
        refuse_to_start(str(error))


async def serve_until(
    stop: asyncio.Event,
    settings: "Settings",
    on_ready: Callable[[int], None],
    *,
    demo: "DemoHints" = (),
    membership: "Membership | None" = None,
    welcomes: bool = True,
) -> None:
    """Serve until `stop`, SIGTERM or SIGINT; `on_ready` gets the port. SIGHUP reads certificates anew. It `welcomes`
    whoever can become the first owner.

    Raises CannotStart.
    """
    from onema.administration.data_folder import DataFolderError
    from onema.delivery.carriers import CarrierRefused
    from onema.http.client.trust import ClientRefused
    from onema.storage.contract import StorageError
    from onema.wiring.server import App

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    app = App(settings, demo=demo, membership=membership)
    on_hang_up(stop.set, app.read_certificates_anew)
    # Of several workers, their supervisor speaks for all.
    tell = tell_service_manager if membership is None else _tell_nobody
    try:
        async with app:
            _calm_the_collector()
            log.info("started", extra=_what_started(app, settings))
            on_ready(app.port)
            if welcomes and (link := app.set_up_link()):
                say_lines(
                    f"Nobody can log in yet. This link makes the first owner, once, within 24 hours:\n  {link}"
                )
            tell("READY=1", f"STATUS=listens on {settings.listen.host}:{app.port}")
            await stop.wait()
            log.info("stopping", extra={"action": "serve"})
            tell("STOPPING=1")
        log.info("stopped", extra={"action": "serve"})
    except (CarrierRefused, ClientRefused, DataFolderError, StorageError) as error:
        raise CannotStart(str(error)) from error
    except OSError as error:
        raise CannotStart(why_not(error, settings)) from error


def why_not(error: OSError, settings: "Settings") -> str:
    """What the system refused, for the operator: most often the address to listen on."""
    listen = settings.listen
    if error.errno == errno.EADDRINUSE:
        return (
            f"something listens on {listen.host}:{listen.port} already. Stop it, or name another port with --port or "
            "ONEMA_LISTEN_PORT; `onema doctor` says whether it is an onema."
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{listen.host} is no address of this machine: `listen.host` names one, 0.0.0.0 or :: all."
    return str(error)


def on_hang_up(stop: Callable[[], object], read_anew: Callable[[], object]) -> None:
    """SIGHUP stops when the terminal was closed that stands behind standard input; else it asks to read files anew."""
    has_terminal = os.isatty(0)

    def hang_up() -> None:
        if has_terminal and not os.isatty(0):
            stop()
        else:
            read_anew()

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hang_up)


def _tell_nobody(*_: str) -> None:
    return


def _what_started(app: "App", settings: "Settings") -> dict[str, object]:
    """What somebody who reads this log later asks first."""
    from onema.cli.database import configured_place, show_place

    place = configured_place(settings)
    return {
        "action": "serve",
        "version": onema.__version__,
        "node": app.node,
        "roles": list(settings.roles),
        "store": show_place(place if isinstance(place, str) else place.absolute()),
        "schema": app.schema,
        "address": f"{settings.listen.host}:{app.port}",
        "carriers": app.carriers,
    }


def _calm_the_collector() -> None:
    """What lives now lives as long as the server, and a request leaves hardly any cycles behind: looking at all
    of it again and again cost a send one part in fifteen.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)
