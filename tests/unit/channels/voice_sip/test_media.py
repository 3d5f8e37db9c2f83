import asyncio
import socket
import statistics
import threading
import time
from itertools import pairwise

from onema.channels.voice_sip.datagrams import Many, system_call
from onema.channels.voice_sip.media import Media
from onema.protocols.rtp.events import press
from tests.unit.channels.voice_sip.conftest import Phones
from tests.unit.channels.voice_sip.far_end import HERE, Phone, Told, audio, far_of


class Waiting(Told):
    """What was told, where a test waits for it; in the loop's thread or not at all."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.current_thread()
        self._something = asyncio.Event()

    def played(self, call: int) -> None:
        super().played(call)
        self._note()

    def key(self, call: int, key: str) -> None:
        super().key(call, key)
        self._note()

    def _note(self) -> None:
        assert threading.current_thread() is self._thread
        self._something.set()

    async def until(self, count: int) -> None:
        """So many messages were played, and keys pressed."""
        async with asyncio.timeout(10):
            while sum(what == "played" for what, _ in self.all) + len(self.keys) < count:
                self._something.clear()
                await self._something.wait()


def arrivals(phone: Phone) -> list[float]:
    """When each packet came, in milliseconds: the kernel says so (SO_TIMESTAMPNS)."""
    times: list[float] = []
    while True:
        try:
            _, control, _, _ = phone.udp.recvmsg(2048, 128)
        except BlockingIOError:
            return times
        seconds, ns = (int.from_bytes(control[0][2][at : at + 8], "little") for at in (0, 8))
        times.append(seconds * 1e3 + ns / 1e6)


async def test_keeps_time_by_itself(phones: Phones) -> None:
    """A packet every 20 ms, on time in the median even on a busy machine; the loop hears of the end."""
    told = Waiting()
    media = Media(told)
    media.start()
    try:
        phone = phones()
        phone.udp.setsockopt(socket.SOL_SOCKET, 35, 1)
        media.learn(1, bytes(160 * 40))
        media.open(1, HERE)
        media.connect(1, far_of(phone))
        media.play(1, [1])
        await told.until(1)
        assert media.stop(1).packets_sent >= 40
        came = arrivals(phone)
        assert 19 < statistics.median(after - before for before, after in pairwise(came)) < 21
    finally:
        media.close()


async def test_hears_and_plays_while_calls_come_and_go(phones: Phones) -> None:
    """Each with the loop's thread and the media's at work at once; nobody loses a packet or a key."""
    told = Waiting()
    media = Media(told)
    media.start()
    clips = {number: bytes([number]) * 160 * number for number in range(1, 9)}
    for number, pcmu in clips.items():
        media.learn(number, pcmu)
    try:
        far_ends = [phones() for _ in range(40)]
        for call, phone in enumerate(far_ends):
            port = media.open(call, HERE, own_port=call % 3 == 0)
            media.play(call, [1 + call % 8, 3, 1 + call // 8])
            media.connect(call, far_of(phone))
            phone.send(port, *press(str(call % 10), payload_type=101, ssrc=1, sequence=1, timestamp=1))
            await asyncio.sleep(0)
        await told.until(80)
        for call, phone in enumerate(far_ends):
            media.stop(call)
            came = phone.packets()
            wanted = clips[1 + call % 8] + clips[3] + clips[1 + call // 8]
            assert audio(came).startswith(wanted + b"\xff") or audio(came) == wanted
            assert [(b.sequence - a.sequence) & 0xFFFF for a, b in pairwise(came)] == [1] * (len(came) - 1)
            assert told.keys[call] == str(call % 10)
    finally:
        media.close()


async def test_closes_at_once_whatever_goes_on(phones: Phones) -> None:
    """Before it began, with calls up, and twice; its ports are free then."""
    Media(Told()).close()
    media = Media(Told())
    media.start()
    port = media.open(1, HERE)
    media.connect(1, far_of(phones()))
    started = time.monotonic()
    media.close()
    media.close()
    assert time.monotonic() - started < 5
    assert not [thread for thread in threading.enumerate() if thread.name == "rtp"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind((HERE, port))


async def test_a_fault_silences_nobody_else(phones: Phones) -> None:
    """The loop hears of it, the thread goes on, and what failed is tried again."""
    faults: list[object] = []
    some = asyncio.Event()

    def handle(_: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        faults.append(context["exception"])
        some.set()

    def find(name: str) -> Many | None:
        found = system_call(name)
        if name != "sendmmsg" or found is None:
            return found

        def broken(descriptor: int, messages: int, count: int) -> int:
            if not faults:
                raise ArithmeticError("a bug")
            return found(descriptor, messages, count)

        return broken

    asyncio.get_running_loop().set_exception_handler(handle)
    told = Waiting()
    media = Media(told, system_call=find)
    media.start()
    try:
        phone = phones()
        media.learn(1, bytes(range(160)))
        media.open(1, HERE)
        media.play(1, [1])
        media.connect(1, far_of(phone))
        await some.wait()
        await told.until(1)
        assert [type(fault) for fault in faults] == [ArithmeticError]
        assert audio(phone.packets()).startswith(bytes(range(160)))
    finally:
        media.close()
