"""The processes of `onema serve --workers N`: the supervisor, and this module as the program of each worker."""

import asyncio
import logging
import secrets
import signal
import socket
import sys
from typing import Any

import msgspec
import uvloop

import onema
from onema.cli.output import say_lines, speak_utf8
from onema.cli.serve import CannotStart, leave_no_core, on_hang_up, refuse_to_start, serve_until, why_not
from onema.cli.service_manager import tell_service_manager
from onema.domain.ids import MAX_NODE
from onema.http.server import reserve_port
from onema.node.line import Line
from onema.node.membership import Membership
from onema.node.messages import Failed, Started
from onema.node.supervisor import Supervisor, WorkerFailed
from onema.secret import Secret
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


def encode_settings(settings: Settings) -> bytes:
    """For a process of our own: secrets are in clear."""

    def encode(value: object) -> str:
        return value.reveal() if isinstance(value, Secret) else str(value)

    return msgspec.json.encode(settings, enc_hook=encode)


def decode_settings(encoded: bytes) -> Settings:
    def decode(kind: type[Any], value: Any) -> Any:
        return kind(value)

    return msgspec.json.decode(encoded, type=Settings, dec_hook=decode)


async def _work(number: int, connection: socket.socket) -> int:
    line = await Line.over(connection)
    orders = await line.read_orders()
    if not orders:
        return 1
    settings = decode_settings(orders)
    configure_logging(settings.logs.level, settings.logs.format, worker=number)
    membership = Membership(line)
    talking = asyncio.create_task(line.run(membership.answer, membership.hear))
    stop = asyncio.Event()
    talking.add_done_callback(lambda _: stop.set())
    try:
        await serve_until(stop, settings, lambda _: line.tell(Started()), membership=membership)
    except CannotStart as error:
        line.tell(Failed(str(error)))
        return 1
    finally:
        line.close()
        await talking
    return 0


def main() -> None:
    speak_utf8()
    number, descriptor = (int(argument) for argument in sys.argv[1:])
    with socket.socket(fileno=descriptor) as connection:
        connection.set_inheritable(False)
        sys.exit(uvloop.run(_work(number, connection)))


if __name__ == "__main__":
    main()
