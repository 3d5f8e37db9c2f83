"""A caller for tests of what is called: signalling over UDP or TCP, and audio as fast as it is read."""

import asyncio
import contextlib
import secrets
import socket
from collections.abc import Callable
from typing import Self

from onema.channels.voice_sip.transports import Hop, StreamTransport, Transport, UdpTransport
from onema.protocols.rtp import events, packets
from onema.protocols.sip import call_events as c
from onema.protocols.sip.bad_message import BadMessage
from onema.protocols.sip.calling import OutgoingCall, Plan
from onema.protocols.sip.dialogs import Local
from onema.protocols.sip.digest import DigestClient
from onema.protocols.sip.messages import Message
from onema.protocols.sip.sdp import AudioEnd, FarAudio

FRAMES_AT_ONCE = 25


class Caller:
    """One call to 127.0.0.1, from a port of its own; `async with` it."""

    def __init__(
        self,
        to: str,
        port: int,
        *,
        kind: str = "udp",
        caller: str = "+841900",
        password: str = "",
        headers: tuple[tuple[str, str], ...] = (),
        ring_seconds: float = 60.0,
    ) -> None:
        self._hop = Hop("tcp" if kind == "tcp" else "udp", "127.0.0.1", port)
        self._transport: Transport = (
            StreamTransport("127.0.0.1", 0, self) if kind == "tcp" else UdpTransport("127.0.0.1", 0, self)
        )
        self._plan = Plan(
            uri=f"sip:{to}@127.0.0.1:{port}",
            from_=f"<sip:{caller}@127.0.0.1>",
            to=f"<sip:{to}@127.0.0.1>",
            headers=headers,
            ring_seconds=ring_seconds,
        )
        self._password = password
        self._changed = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self.events: list[c.CallEvent] = []
        self.keys = ""
        """Pressed by the far end, by whatever way."""

    async def __aenter__(self) -> Self:
        await self._transport.open()
        self._audio = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._audio.bind(("127.0.0.1", 0))
        self._audio.setblocking(False)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._audio, self._read)
        self._hearing = events.KeyHearing(101)
        port = self._transport.port
        self.call = OutgoingCall(
            self._plan,
            local=Local(
                transport=self._hop.kind.upper(),
                host="127.0.0.1",
                port=port,
                contact=f"<sip:onema@127.0.0.1:{port};transport={self._hop.kind}>",
            ),
            media=AudioEnd("127.0.0.1", self._audio.getsockname()[1], session=1),
            tokens=lambda: secrets.token_hex(8),
            digest=DigestClient("onema", self._password, lambda: secrets.token_hex(4)),
            reliable=self._hop.reliable,
        )
        self.call.start(self._loop.time())
        self._went()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._audio)
        self._audio.close()
        self._transport.close()

    async def until(self, kind: type[c.CallEvent]) -> c.CallEvent:
        """The first event of that kind."""
        while True:
            found = next((event for event in self.events if isinstance(event, kind)), None)
            if found is not None:
                return found
            await self._wait()

    async def until_true(self, condition: Callable[[], object]) -> None:
        while not condition():
            await self._wait()

    async def say(self, frames: list[bytes], pace: float = 0.0) -> None:
        """Send frames of mu-law to where the far end wants them now, 25 of them every `pace` seconds: another process
        needs time to read them.
        """
        for number, frame in enumerate(frames):
            packet = packets.Packet(packets.PCMU, number, number * 160, 7, frame)
            far = self.far
            self._audio.sendto(packet.encode(), (far.address, far.port))
            if number % FRAMES_AT_ONCE == 0:
                await asyncio.sleep(pace)

    @property
    def far(self) -> FarAudio:
        media = [event.media for event in self.events if isinstance(event, c.Answered | c.MediaChanged)][-1]
        assert isinstance(media, FarAudio)
        return media

    def hang_up(self) -> None:
        self.events += self.call.hang_up(self._loop.time())
        self._went()

    def welcomes(self, ip: str) -> bool:
        return True

    def heard(self, message: Message, came_from: Hop) -> None:
        self.events += self.call.receive(message, self._loop.time(), came_from)
        self.keys = "".join(event.digit for event in self.events if isinstance(event, c.Key)) or self.keys
        self._went()

    def misheard(self, bad: BadMessage, came_from: Hop) -> None:
        raise AssertionError(bad)

    def failed(self, hop: Hop, why: str) -> None:
        self.events += self.call.transport_failed(self._loop.time())
        self._went()

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                packet = packets.parse(self._audio.recv(2_048))
                if packet is not None and (key := self._hearing.receive(packet)):
                    self.keys += key
                    self._changed.set()

    def _went(self) -> None:
        for sending in self.call.sendings():
            self._transport.send(sending.data, self._hop)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.call.due < float("inf"):
            self._timer = self._loop.call_at(self.call.due, self._tick)
        self._changed.set()

    def _tick(self) -> None:
        self.events += self.call.tick(self._loop.time())
        self._went()

    async def _wait(self) -> None:
        self._changed.clear()
        async with asyncio.timeout(20.0):
            await self._changed.wait()
