"""Trunks for tests: a far end that answers calls by script and keeps what it hears, and a carrier before it."""

import asyncio
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from onema.channels.contract import CallEvent, CallEvents, Outgoing
from onema.channels.voice_sip.carrier import CLEAR_SECONDS, SipCarrier, Speaker
from onema.channels.voice_sip.configuration import Settings, trunk_settings
from onema.channels.voice_sip.process import SipEngine
from onema.channels.voice_sip.transports import Hop, Kind, StreamTransport, Transport, UdpTransport
from onema.domain.configuration import documents as doc
from onema.domain.configuration.carrier_settings import settings_problems
from onema.domain.delivery.call import CallState
from onema.domain.delivery.payload import CallPayload
from onema.domain.ids import AccountId, MessageId
from onema.domain.values.phone import Phone
from onema.protocols.rtp import packets as rtp
from onema.protocols.sip import sdp
from onema.protocols.sip.answers import note_source, response_to
from onema.protocols.sip.bad_message import BadMessage
from onema.protocols.sip.call_events import Answered, Ended
from onema.protocols.sip.called import IncomingCall, Script
from onema.protocols.sip.dialogs import Local
from onema.protocols.sip.messages import Request, Response
from onema.speech.announcement import Announcements
from onema.speech.clip import Clip
from onema.speech.message import SpokenMessage
from onema.speech.voices import Voices

PHONE = "+84901888484"
CODE = "482913"
VOICE = "vi-north"
DEADLINE_SECONDS = 20.0


class Heard:
    """One call at the far end: what it heard, and how it went."""

    def __init__(self, number: str, call: IncomingCall, rtp: socket.socket, media: "_Sound") -> None:
        self.number = number
        self.call = call
        self.packets: list[tuple[float, int, bytes]] = []
        """When each came, its payload type and its payload."""
        self.invited_at = time.monotonic()
        self.answered_at = self.ended_at = 0.0
        self.ended: Ended | None = None
        self.rtp = rtp
        self.media = media
        self.source: tuple[str, int] | None = None
        """Where its sound comes from."""

    @property
    def frames(self) -> list[bytes]:
        return [payload for _, kind, payload in self.packets if kind in (0, 8)]


class _Sound:
    """Media of a phone that takes PCMU first, at this port."""

    def __init__(self, ip: str, port: int, broken: bytes) -> None:
        self._end = sdp.AudioEnd(ip, port, session=1)
        self._broken = broken
        self.held = False

    @property
    def offer(self) -> bytes:
        offer = self._end.offer
        return offer.replace(b"a=sendrecv", b"a=sendonly") if self.held else offer

    def accept(self, answer: bytes) -> Any:
        return self._end.accept(answer)

    def answer(self, offer: bytes) -> tuple[bytes, Any]:
        ours, theirs = self._end.answer(offer)
        return self._broken or ours, theirs


class FarPhones:
    """The far end of a trunk: phones that do what the script of their number says."""

    def __init__(
        self,
        kind: Kind = "udp",
        *,
        ip: str = "127.0.0.1",
        loses: Callable[[str], bool] = lambda call_id: False,
        **streams: Any,
    ) -> None:
        self.kind, self.ip = kind, ip
        self.scripts: dict[str, Script] = {}
        """By the number called, as the Request-URI has it; every other is answered at once."""
        self.default = Script(provisional=((0.0, 180),), final_after=0.02)
        self.broken_sdp = b""
        """Instead of every answer's session description."""
        self.calls: list[Heard] = []
        self.requests: list[str] = []
        """Methods of all that came."""
        self.invites: list[Request] = []
        self.sources: list[Hop] = []
        """Where requests came from."""
        self.answers_options = True
        self.door: Callable[[Request], tuple[int, list[tuple[str, str]]]] | None = None
        self.loses = loses
        """Whether the next message of this Call-ID is lost, in either direction."""
        self.delay = 0.0
        """How late it hears everything."""
        self.answers_registers: Callable[[Request], Response] | None = None
        self._sessions: dict[str, Heard] = {}
        self._news = asyncio.Event()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        if kind == "udp":
            self._transport: Transport = UdpTransport(ip, 0, self)
        else:
            self._transport = StreamTransport(ip, 0, self, **streams)

    @property
    def port(self) -> int:
        return self._transport.port

    @property
    def host(self) -> str:
        """As it stands in messages."""
        return f"[{self.ip}]" if ":" in self.ip else self.ip

    async def open(self, port: int = 0) -> None:
        self._transport.port = port or self._transport.port
        await self._transport.open()

    def close(self) -> None:
        """As if its machine were gone."""
        self._transport.close()
        for timer in self._timers.values():
            timer.cancel()
        for heard in self.calls:
            if heard.rtp.fileno() >= 0:
                asyncio.get_running_loop().remove_reader(heard.rtp)
                heard.rtp.close()

    def drop_connections(self) -> None:
        """As far ends do with those that are idle."""
        assert isinstance(self._transport, StreamTransport)
        self._transport.drop_connections()

    async def until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not true():
                self._news.clear()
                await self._news.wait()

    async def __aenter__(self) -> "FarPhones":
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    # What comes.

    def welcomes(self, ip: str) -> bool:
        return True

    def misheard(self, bad: BadMessage, came_from: Hop) -> None:
        raise AssertionError("our own messages are SIP")

    def failed(self, hop: Hop, why: str) -> None:
        return

    def heard(self, message: Request | Response, came_from: Hop) -> None:
        if self.delay:
            asyncio.get_running_loop().call_later(self.delay, self._take, message, came_from)
        elif not self.loses(message.call_id):
            self._take(message, came_from)

    def _take(self, message: Request | Response, came_from: Hop) -> None:
        if isinstance(message, Request):
            self.requests.append(message.method)
            self.sources.append(came_from)
            note_source(message, came_from)
        session = self._sessions.get(message.call_id)
        if session is None and isinstance(message, Request):
            session = self._new(message, came_from)
        if session is not None:
            self._advance(session, session.call.receive(message, _now(), came_from), came_from)
        self._news.set()

    def _new(self, request: Request, came_from: Hop) -> Heard | None:
        if request.method == "OPTIONS" and self.answers_options:
            self._transport.send(response_to(request, 200, tag="far").encode(), came_from)
        if request.method == "REGISTER" and self.answers_registers is not None:
            self._transport.send(self.answers_registers(request).encode(), came_from)
        if request.method != "INVITE":
            return None
        self.invites.append(request)
        number = request.uri.partition(":")[2].partition("@")[0]
        sound = socket.socket(socket.AF_INET6 if ":" in self.ip else socket.AF_INET, socket.SOCK_DGRAM)
        sound.setblocking(False)
        sound.bind((self.ip, 0))
        parameter = "" if self.kind == "udp" else f";transport={self.kind}"
        media = _Sound(self.ip, sound.getsockname()[1], self.broken_sdp)
        call = IncomingCall(
            self.scripts.get(number, self.default),
            local=Local(
                transport=self.kind.upper(),
                host=self.host,
                port=self.port,
                contact=f"<sip:phone@{self.host}:{self.port}{parameter}>",
            ),
            media=media,
            tokens=lambda: secrets.token_hex(8),
            door=self.door,
            reliable=self.kind != "udp",
        )
        heard = Heard(number, call, sound, media)
        self.calls.append(heard)
        self._sessions[request.call_id] = heard
        asyncio.get_running_loop().add_reader(sound, self._rtp, heard)
        return heard

    def _rtp(self, heard: Heard) -> None:
        for _ in range(200):
            try:
                octets, source = heard.rtp.recvfrom(2048)
            except OSError:
                return
            heard.source = source[0], source[1]
            packet = rtp.parse(octets)
            if packet is not None:
                heard.packets.append((time.monotonic(), packet.payload_type, packet.payload))
            self._news.set()

    def _advance(self, heard: Heard, events: Any, came_from: Hop) -> None:
        for sending in heard.call.sendings():
            call_id = heard.call.invite.call_id if heard.call.invite else ""
            if not self.loses(call_id):
                to = sending.source if isinstance(sending.source, Hop) else came_from
                self._transport.send(sending.data, to)
        for event in events:
            if isinstance(event, Answered):
                heard.answered_at = time.monotonic()
            elif isinstance(event, Ended):
                heard.ended, heard.ended_at = event, time.monotonic()
            self._news.set()
        if (timer := self._timers.pop(str(id(heard)), None)) is not None:
            timer.cancel()
        if heard.call.due < float("inf"):
            self._timers[str(id(heard))] = asyncio.get_running_loop().call_at(
                heard.call.due, lambda: self._advance(heard, heard.call.tick(_now()), came_from)
            )

    def hang_up(self, heard: Heard) -> None:
        hop = self.hop_of(heard)
        self._advance(heard, heard.call.hang_up(_now()), hop)

    def hold(self, heard: Heard, *, held: bool) -> None:
        """By a re-INVITE (RFC 3264 §8.4)."""
        heard.media.held = held
        heard.call.move_media(_now())
        self._advance(heard, (), self.hop_of(heard))

    def hop_of(self, heard: Heard) -> Hop:
        assert heard.call.invite is not None
        via = heard.call.invite.via
        return Hop(self.kind, via.received, via.rport)

    def press(self, heard: Heard, key: str) -> None:
        """RFC 4733, as phones do: three packets while it is held, and the end three times."""
        assert heard.source is not None
        event = "0123456789*#".index(key)
        stamp = secrets.randbits(32)
        for number, (duration, end) in enumerate(
            ((160, 0), (320, 0), (480, 0), (640, 1), (640, 1), (640, 1))
        ):
            payload = bytes((event, end << 7 | 10)) + duration.to_bytes(2, "big")
            packet = rtp.Packet(101, number, stamp, 4711, payload)
            heard.rtp.sendto(packet.encode(), heard.source)


def _now() -> float:
    return asyncio.get_running_loop().time()


# Our side.

VOICES = Announcements(Voices.load)
"""As the product speaks."""


class Tones:
    """Speaks in a third of a second what tests can tell apart: each clip repeats an octet of its own."""

    LEAD, SENTENCE, PAUSE = (
        Clip("", bytes([octet]) * 160 * frames) for octet, frames in ((250, 2), (5, 5), (240, 2))
    )

    @staticmethod
    def digit(digit: str) -> Clip:
        return Clip(digit, bytes([16 + int(digit)]) * 160 * 2)

    def message(self, call: CallPayload) -> SpokenMessage:
        once = (self.SENTENCE, self.PAUSE, *map(self.digit, call.code))
        return SpokenMessage(tuple((clip, 1.0) for clip in (self.LEAD, *once * call.times)))


class Events:
    """Keeps what a carrier tells of its calls."""

    def __init__(self) -> None:
        self.told: list[CallEvent] = []
        self._news = asyncio.Event()

    def __call__(self, event: CallEvent) -> None:
        self.told.append(event)
        self._news.set()

    def states(self, message: int = 7) -> list[CallState]:
        return [event.state for event in self.told if event.message == message]

    async def until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not true():
                self._news.clear()
                await self._news.wait()


def sip_settings(**settings: Any) -> Settings:
    """As a document's."""
    document = doc.Carrier(name="trunk", type="sip", settings=settings)
    assert not list(settings_problems(Settings, document))
    return trunk_settings(document)


def call(
    phone: str = PHONE,
    code: str = CODE,
    *,
    message: int = 7,
    attempt: int = 1,
    times: int = 1,
    rate: float = 1.0,
    max_seconds: int = 60,
) -> Outgoing:
    payload = CallPayload(Phone(phone), "1900", VOICE, code, None, times, rate, max_seconds, 0)
    return Outgoing(AccountId(1), MessageId(message), attempt, payload)


async def ready(carrier: SipCarrier, wanted: bool = True) -> None:
    """Start it, if it is not yet, and wait until it is ready, or is not."""
    news = asyncio.Event()
    await carrier.start(news.set)
    async with asyncio.timeout(DEADLINE_SECONDS):
        while carrier.ready is not wanted:
            await news.wait()
            news.clear()


def trunk_to(port: int, kind: Kind = "udp", host: str = "127.0.0.1", **settings: Any) -> Mapping[str, Any]:
    """Settings of a trunk to this machine's port, which is asked for nothing but calls."""
    return {
        "domain": f"{host}:{port}",
        "transport": kind,
        "options_seconds": 0,
        "caller": "+842873001234",
        **settings,
    }


TONES = Tones()


def sip_carrier(
    far: FarPhones,
    engine: SipEngine | None = None,
    events: CallEvents | None = None,
    speaker: Speaker = TONES,
    clear_seconds: float = CLEAR_SECONDS,
    **settings: Any,
) -> SipCarrier:
    """One before them, not started."""
    return SipCarrier(
        "trunk",
        sip_settings(**trunk_to(far.port, far.kind, far.host, **settings)),
        engine or SipEngine(),
        speaker,
        events or Events(),
        steady=time.monotonic,
        clear_seconds=clear_seconds,
    )


@asynccontextmanager
async def before_phones(
    far: FarPhones,
    engine: SipEngine | None = None,
    events: CallEvents | None = None,
    speaker: Speaker = TONES,
    **settings: Any,
) -> AsyncIterator[SipCarrier]:
    """One that is ready, with its engine."""
    carrier = sip_carrier(far, engine, events, speaker, **settings)
    await ready(carrier)
    try:
        yield carrier
    finally:
        await carrier.stop()
