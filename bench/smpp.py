"""SMPP alone: what a submit_sm costs the protocol, the session and the carrier, before an SMSC in another process.

The SMSC does the least that one can, so that it is not what is measured. CPU is this process's; at window 1 both wait
for each other most of the time.
"""

import argparse
import asyncio
import multiprocessing
import multiprocessing.connection
import struct
import time
from collections.abc import Iterable
from typing import Any, cast

import uvloop

from onema.channels.contract import Outgoing, Receipt
from onema.channels.sms_smpp.carrier import SmppCarrier
from onema.channels.sms_smpp.configuration import Settings
from onema.channels.sms_smpp.link import Link
from onema.channels.sms_smpp.outbox import Submission
from onema.domain.delivery.outcome import OutcomeKind
from onema.domain.delivery.payload import SmsPayload
from onema.domain.ids import AccountId, MessageId
from onema.domain.values.phone import Phone
from onema.protocols.smpp import commands as c
from onema.protocols.smpp.frames import Frame
from onema.protocols.smpp.pdus import Address, Bind, ShortMessage

MESSAGES = 100_000
WINDOWS = (1, 10, 100)
TEXT = "Acme: 482913 is your code. Do not tell it to anybody, not even us.".ljust(66)
GOAL_PER_SECOND, GOAL_MICROSECONDS = 30_000, 33.0

_HEADER = struct.Struct(">IIII")


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(prog="./dev bench smpp", description=__doc__)
    parser.add_argument("--messages", type=int, default=MESSAGES)
    parser.add_argument("--window", type=int, nargs="*", default=list(WINDOWS))
    options = parser.parse_args()
    print("| | window | submit_sm/s | CPU us per message |\n|---|---|---|---|")
    for window in options.window:
        messages = options.messages if window > 1 else max(1_000, options.messages // 10)
        for name, run in (("protocol and session", _link), ("the carrier", _carrier)):
            rate, cost = _before_an_smsc(run, window, messages)
            print(f"| {name} | {window} | {rate:,.0f} | {cost:.1f} |", flush=True)
    print(f"\nGoals, protocol and session at window 100: {GOAL_PER_SECOND:,}/s, {GOAL_MICROSECONDS} us.")


def _before_an_smsc(run: Any, window: int, messages: int) -> tuple[float, float]:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    smsc = context.Process(target=_smsc, args=(there,), daemon=True)
    smsc.start()
    try:
        return uvloop.run(_measured(run, here.recv(), window, messages))
    finally:
        smsc.terminate()
        smsc.join()


async def _measured(run: Any, port: int, window: int, messages: int) -> tuple[float, float]:
    started, spent = time.perf_counter(), time.process_time()
    begun = asyncio.Event()

    def begin() -> None:
        nonlocal started, spent
        started, spent = time.perf_counter(), time.process_time()
        begun.set()

    await run(port, window, messages, begin)
    seconds, cpu = time.perf_counter() - started, time.process_time() - spent
    return messages / seconds, cpu / messages * 1e6


class _Flood:
    """Submits whenever there is room, until all are answered."""

    def __init__(self, messages: int, body: bytes) -> None:
        self._left = self._unanswered = messages
        self._body = body
        self.link: Link | None = None
        self.done = asyncio.Event()

    def pump(self) -> None:
        link = self.link
        if link is None:
            return
        now = time.monotonic()
        while self._left and link.room > 0:
            self._left -= 1
            link.submit(self._body, cast(Submission, self), now)

    def answered(self, link: Link, submission: Submission, frame: Frame) -> None:
        assert frame.status == 0
        link.took()
        self._unanswered -= 1
        if not self._unanswered:
            self.done.set()

    def unanswered(self, submissions: Iterable[Submission]) -> None:
        raise AssertionError("not answered")

    def remove(self, link: Link) -> None:
        self.link = None


async def _link(port: int, window: int, messages: int, begin: Any) -> None:
    body = ShortMessage(
        source=Address(5, 0, b"Acme"),
        destination=Address(1, 1, b"84901888484"),
        validity_period=b"000000000500000R",
        registered_delivery=1,
        short_message=TEXT.encode(),
    ).encode()
    flood = _Flood(messages, body)
    link = Link(
        flood,
        lambda frame, answer: None,
        window=window,
        answer_seconds=30.0,
        enquire_seconds=0.0,
        per_second=0.0,
        steady=time.monotonic,
    )
    await asyncio.get_running_loop().create_connection(lambda: link, "127.0.0.1", port)
    await link.bind(c.BIND_TRANSCEIVER, Bind(system_id=b"bench").encode())
    begin()
    flood.link = link
    flood.pump()
    await flood.done.wait()
    link.close("done")
    await link.lost


async def _carrier(port: int, window: int, messages: int, begin: Any) -> None:
    settings = Settings(addresses=(f"127.0.0.1:{port}",), system_id="bench", window=window)
    carrier = SmppCarrier(
        "bench", settings, _nothing, now=lambda: time.time_ns() // 1_000_000, steady=time.monotonic
    )
    ready = asyncio.Event()
    await carrier.start(ready.set)
    while not carrier.ready:
        await ready.wait()
        ready.clear()
    numbers = iter(range(1, messages + 1))
    valid_until = time.time_ns() // 1_000_000 + 300_000

    async def submit() -> None:
        for number in numbers:
            payload = SmsPayload(Phone("+84901888484"), "Acme", TEXT, valid_until)
            outcome = await carrier.send(Outgoing(AccountId(1), MessageId(number), 1, payload))
            assert outcome.kind is OutcomeKind.SUBMITTED

    begin()
    # As many again wait, so that the window is always full.
    await asyncio.gather(*(submit() for _ in range(2 * window)))
    await carrier.stop()


async def _nothing(receipt: Receipt) -> None:
    return


class _Answering(asyncio.Protocol):
    """Answers a submit_sm, bind or unbind, and nothing else."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._rest = b""
        self._number = 0

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        at, answers = 0, []
        while len(data) - at >= 16:
            length, command, _, sequence = _HEADER.unpack_from(data, at)
            if at + length > len(data):
                break
            at += length
            if command == c.SUBMIT_SM:
                self._number += 1
                body = b"%d\0" % self._number
            else:
                body = b"smsc\0" if command in c.BINDS else b""
            answers.append(_HEADER.pack(16 + len(body), command | c.RESPONSE, 0, sequence) + body)
        self._rest = data[at:]
        self._transport.write(b"".join(answers))


def _smsc(told: multiprocessing.connection.Connection) -> None:
    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(_Answering, "127.0.0.1", 0)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(serve())


if __name__ == "__main__":
    main()
