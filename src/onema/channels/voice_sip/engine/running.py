"""The engine as a process: from its first descriptor to its exit."""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
from typing import Any

from onema.channels.voice_sip import line as l
from onema.channels.voice_sip.engine.orders import Engine
from onema.telemetry.faults import describe_fault

_PRIORITY = -10


def main(descriptor: int) -> None:
    """Serve the line with this descriptor until it ends."""
    # Ctrl-C is for whoever started us, and lets calls end first; so is the end of the service.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.excepthook = report
    # What is there now stays: no collection need look at it again. One of all that thousands of calls have made takes
    # 60 to 160 ms, in which no packet leaves: what is old is looked at once in a thousand collections of what is newer.
    gc.freeze()
    gc.set_threshold(700, 10, 1000)
    # Whoever holds the interpreter must not wait for a processor while packets are due. Where that is permitted.
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, _PRIORITY)
    asyncio.run(_serve(descriptor))


async def _serve(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    line: l.Line

    def tell(news: l.News) -> None:
        try:
            line.tell(news)
        except l.LineClosed:
            # `run` returns, and with it everything ends.
            return

    def fault(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """One call's fault must not end the others."""
        error = context.get("exception")
        where = describe_fault(error) if isinstance(error, BaseException) else ""
        tell(l.Noted("a fault in the SIP engine", {"fault": where}))

    loop.set_exception_handler(fault)
    connection = socket.socket(fileno=descriptor)
    connection.setblocking(False)
    line = l.to_app(*await asyncio.open_unix_connection(sock=connection))
    engine = Engine(tell)

    def hears(order: l.Order) -> None:
        try:
            engine.hears(order)
        except Exception as error:  # noqa: BLE001  # one order's fault must not end the others' calls
            tell(l.Noted("an order failed in the SIP engine", {"fault": describe_fault(error)}))
            if isinstance(order, l.PlaceCall):
                tell(l.CallEnded(call=order.call, how=l.How.NOT_SENT, detail="a fault in the SIP engine"))

    async def beat() -> None:
        while True:
            tell(l.Alive())
            engine.look()
            await asyncio.sleep(l.ALIVE_SECONDS)

    beating = asyncio.create_task(beat())
    await line.run(hears)
    beating.cancel()
    await engine.stop()


def report(kind: type[BaseException], error: BaseException, _: Any) -> None:
    """Without the error's words, which may quote a message."""
    sys.stderr.write(f"onema SIP engine: {describe_fault(error)}\n")
