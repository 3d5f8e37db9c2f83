"""The program of each worker of `onema serve --workers N`, and the settings that it is handed."""

import asyncio
import socket
import sys
from typing import Any

import msgspec
import uvloop

from onema.cli.output import speak_utf8
from onema.cli.serving import CannotStart, serve_until
from onema.node.line import Line
from onema.node.membership import Membership
from onema.node.messages import Failed, Started
from onema.secret import Secret
from onema.settings import Settings
from onema.telemetry.logs import configure_logging


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
        await serve_until(
            stop, settings, lambda _: line.tell(Started()), membership=membership, welcomes=number == 1
        )
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
