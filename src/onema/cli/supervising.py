"""The supervisor of `onema serve --workers N`: as many processes of worker.py as one server."""

import asyncio
import logging
import secrets
import signal
import sys

import msgspec
import uvloop

import onema
from onema.cli.output import say_lines
from onema.cli.service_manager import tell_service_manager
from onema.cli.serving import leave_no_core, on_hang_up, refuse_to_start, why_not
from onema.cli.worker import encode_settings
from onema.domain.ids import MAX_NODE
from onema.http.server import reserve_port
from onema.node.supervisor import Supervisor, WorkerFailed
from onema.settings import Settings
from onema.telemetry.logs import configure_logging

log = logging.getLogger(__name__)

_SLACK_SECONDS = 5.0


def run_workers(settings: Settings) -> None:
    """Serve with `settings.workers` processes until SIGTERM or SIGINT."""
    leave_no_core()
    configure_logging(settings.logs.level, settings.logs.format)
    try:
        uvloop.run(_supervise(settings))
    except WorkerFailed as error:
        refuse_to_start(str(error))
    except OSError as error:
        refuse_to_start(why_not(error, settings))


async def _supervise(settings: Settings) -> None:
    listen = settings.listen
    with reserve_port(listen.host, listen.port) as reserved:
        port = reserved.getsockname()[1]
        each = msgspec.structs.replace(settings, listen=msgspec.structs.replace(listen, port=port))
        first_node = _first_node(settings)
        supervisor = Supervisor(
            # -P: the folder that the server was started in is no place for code.
            (sys.executable, "-P", "-m", "onema.cli.worker"),
            settings.workers,
            lambda number: encode_settings(_of_node(each, first_node + number - 1)),
            # Requests under way have the deadline, and then deliveries.
            2 * listen.stop_deadline + _SLACK_SECONDS,
            settings.worker_patience,
        )
        address = f"{listen.host}:{port}"

        def serves() -> None:
            log.info(
                "started",
                extra={"action": "supervise", "version": onema.__version__, "workers": settings.workers}
                | {"address": address},
            )
            say_lines(f"onema listens on {address}")
            tell_service_manager("READY=1", f"STATUS={settings.workers} workers listen on {address}")

        running = asyncio.create_task(supervisor.run(serves))

        def stop() -> None:
            if not running.cancelling():
                log.info("stopping", extra={"action": "supervise"})
                tell_service_manager("STOPPING=1")
                running.cancel()

        on_hang_up(stop, supervisor.hang_up)
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(signal_number, stop)
        await asyncio.wait([running])
        if not running.cancelled():
            running.result()
        log.info("stopped", extra={"action": "supervise"})


def _first_node(settings: Settings) -> int:
    if settings.node.number >= 0:
        return settings.node.number
    return secrets.randbelow(MAX_NODE + 2 - settings.workers)


def _of_node(settings: Settings, number: int) -> Settings:
    return msgspec.structs.replace(settings, node=msgspec.structs.replace(settings.node, number=number))
