"""One call at a phone of our own: its signalling, its ear, the keys that it presses."""

import asyncio
import random
import secrets
from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol

import msgspec

from onema.channels.voice_sip.answering.ear import Code, Ear
from onema.channels.voice_sip.answering.ports import PortPair
from onema.channels.voice_sip.transports import Hop
from onema.protocols.rtp import events
from onema.protocols.sip import call_events as c
from onema.protocols.sip.bad_message import BadMessage
from onema.protocols.sip.called import Door, IncomingCall, Script
from onema.protocols.sip.dialogs import Local
from onema.protocols.sip.messages import Message
from onema.protocols.sip.sdp import AudioEnd, FarAudio
from onema.protocols.sip.transactions import Sending
from onema.protocols.sip.uris import SipUri, TelUri, parse_uri
from onema.speech.g711 import Law
from onema.speech.samples import Samples

IDENTITIES = (
    "From",
    "P-Asserted-Identity",
    "P-Preferred-Identity",
    "Remote-Party-ID",
    "Diversion",
    "Privacy",
)
REPORT_SECONDS = 1.0
_BETWEEN_KEYS = 0.5
_PACKET_SECONDS = 0.02


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """A call that ended at the phone."""

    called: str
    """The user part of the Request-URI, or the number of a tel URI, as it came."""
    caller: str
    """The user part of From."""
    headers: tuple[tuple[str, str], ...] = ()
    """All of the INVITE that was let in, in order."""
    transport: str = ""
    """udp, tcp or tls."""
    status: int = 0
    """How the INVITE was answered; 0: not at all."""
    ended_by: str = ""
    """them (the caller), us, timeout or transport."""
    ring_seconds: float = 0.0
    talk_seconds: float = 0.0
    codec: str = ""
    """PCMU or PCMA, as audio came; empty where none did."""
    packets: int = 0
    """Of audio that arrived."""
    lost: int = 0
    jitter_ms: float = 0.0
    pressed: str = ""
    """Keys that it pressed."""
    heard: Code | None = None
    audio: Samples | None = None
    """What was heard, at 8 kHz, with silence where nothing came."""

    def __repr__(self) -> str:
        """Without numbers and code."""
        return f"<Recording of a call, {self.status}, {self.talk_seconds:.1f} s>"

    @property
    def code(self) -> str | None:
        """What was understood."""
        return self.heard.code if self.heard is not None else None

    @property
    def identities(self) -> tuple[tuple[str, str], ...]:
        """Where the caller stands."""
        return tuple((name, value) for name, value in self.headers if name in IDENTITIES)


class Manners(Protocol):
    """What a phone does when it is called."""

    @property
    def loses(self) -> float:
        """The share of audio packets that it drops by chance."""

    @property
    def loses_signalling(self) -> float:
        """The share of SIP messages that it drops by chance, either way."""

    @property
    def presses(self) -> str:
        """Keys after the answer, and how they are told: `rtp` or `info`."""

    @property
    def presses_after(self) -> float: ...
    @property
    def presses_by(self) -> str: ...
    @property
    def moves_media_after(self) -> float | None:
        """Seconds after the answer at which a re-INVITE names another port."""

    def as_called(self) -> Script:
        """The signalling."""


class Holder(Protocol):
    """Who has the phones."""

    def send(self, sending: Sending, phone: "Phone") -> None: ...
    def changed(self, phone: "Phone") -> None:
        """It rings, is talked on, or is not any more."""

    def ended(self, phone: "Phone", recording: Recording) -> None:
        """Once; the audio is not understood yet."""

    def gone(self, phone: "Phone") -> None:
        """Nothing of it can come any more."""


class Phone:
    """See the module. It answers one Call-ID by its manners."""

    def __init__(
        self,
        exchange: Holder,
        manners: Manners,
        *,
        host: str,
        local: Local,
        laws: tuple[Law, ...],
        door: Door | None,
        chance: random.Random,
        came_from: Hop,
    ) -> None:
        """Raises OSError where there are no ports."""
        self._exchange, self._manners, self._chance = exchange, manners, chance
        self.came_from = came_from
        """Where the INVITE came from, and where requests go: through the same proxy or connection."""
        self._host = host
        self._loop = asyncio.get_running_loop()
        self.ear = Ear(manners.loses, chance)
        self._ports = [PortPair(host, self._hear)]
        """The last one is in use."""
        self._media = AudioEnd(host, self._ports[0].port, session=secrets.randbelow(1 << 31), laws=laws)
        self.session = IncomingCall(
            manners.as_called(),
            local=local,
            media=self._media,
            tokens=lambda: secrets.token_hex(8),
            door=door,
            reliable=came_from.reliable,
        )
        self._far: FarAudio | None = None
        self._rang_at: float | None = None
        self._answered_at: float | None = None
        self._ended_at: float | None = None
        self._pressed = ""
        self._sequence, self._timestamp = chance.getrandbits(16), chance.getrandbits(32)
        self._timers: set[asyncio.TimerHandle] = set()
        self._tick: asyncio.TimerHandle | None = None

    @property
    def is_up(self) -> bool:
        """Whether it is talked on."""
        return self._answered_at is not None and self._ended_at is None

    @property
    def rings(self) -> bool:
        """Whether it was let in and has no end yet."""
        return self.session.invite is not None and self._answered_at is None and self._ended_at is None

    def receive(self, message: Message, came_from: Hop) -> None:
        """What has its Call-ID."""
        if not self._loses():
            self._happened(self.session.receive(message, self._loop.time(), came_from))

    def transport_failed(self) -> None:
        self._happened(self.session.transport_failed(self._loop.time()))

    def hang_up(self) -> None:
        """By a person at the phone. Safe twice."""
        self._happened(self.session.hang_up(self._loop.time()))

    def press(self, keys: str) -> None:
        """Press keys one after the other, from now on."""
        for number, key in enumerate(keys):
            self._later(number * _BETWEEN_KEYS, partial(self._press, key))

    def close(self) -> None:
        """Take everything back without a word. Safe twice."""
        for timer in self._timers:
            timer.cancel()
        if self._tick is not None:
            self._tick.cancel()
        for ports in self._ports:
            ports.close()

    def _loses(self) -> bool:
        share = self._manners.loses_signalling
        return share > 0 and self._chance.random() < share

    def _happened(self, happened: Iterable[c.CallEvent]) -> None:
        now = self._loop.time()
        if self._rang_at is None and self.session.invite is not None:
            self._rang_at = now
        for event in happened:
            if isinstance(event, c.EarlyMedia | c.Answered | c.MediaChanged):
                self._far = event.media if isinstance(event.media, FarAudio) else self._far
            if isinstance(event, c.Answered):
                self._answered(now)
                self._exchange.changed(self)
            elif isinstance(event, c.Ended):
                self._ended(event, now)
        self._flush()

    def _flush(self) -> None:
        for sending in self.session.sendings():
            if not self._loses():
                self._exchange.send(sending, self)
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None
        if self.session.is_over:
            self.close()
            self._exchange.gone(self)
        elif self.session.due < float("inf"):
            self._tick = self._loop.call_at(self.session.due, self._on_time)

    def _on_time(self) -> None:
        self._tick = None
        self._happened(self.session.tick(self._loop.time()))

    def _answered(self, now: float) -> None:
        self._answered_at = now
        manners = self._manners
        self._later(REPORT_SECONDS, self._report)
        self._later(manners.presses_after, lambda: self.press(manners.presses))
        if manners.moves_media_after is not None:
            self._later(manners.moves_media_after, self._move)

    def _ended(self, ended: c.Ended, now: float) -> None:
        self._ended_at = now
        for timer in self._timers:
            timer.cancel()
        self._say_what_came(goodbye=True)
        invite = self.session.invite
        until = self._answered_at if self._answered_at is not None else now
        law = next(iter(self.ear.laws), None)
        recording = Recording(
            called=number_of(invite.uri) if invite is not None else "",
            caller=number_of(invite.from_.uri) if invite is not None else "",
            headers=tuple(invite.headers) if invite is not None else (),
            transport=self.came_from.kind,
            status=ended.status,
            ended_by=ended.by.value,
            ring_seconds=round(until - (self._rang_at if self._rang_at is not None else until), 3),
            talk_seconds=round(now - self._answered_at, 3) if self._answered_at is not None else 0.0,
            codec=law.value if law is not None else "",
            packets=self.ear.received,
            lost=self.ear.lost,
            jitter_ms=round(self.ear.jitter_ms, 2),
            pressed=self._pressed,
            audio=self.ear.audio,
        )
        self._exchange.ended(self, recording)

    # Audio.

    def _hear(self, datagram: bytes) -> None:
        if self._ended_at is None:
            self.ear.take(datagram, self._loop.time())

    def _report(self) -> None:
        self._say_what_came(goodbye=False)
        self._later(REPORT_SECONDS, self._report)

    def _say_what_came(self, *, goodbye: bool) -> None:
        report = self.ear.report(goodbye=goodbye)
        if report and self._far is not None:
            self._ports[-1].report(report, (self._far.address, self._far.rtcp_port))

    def _move(self) -> None:
        """Another port; what still comes to the old one is heard too."""
        try:
            self._ports.append(PortPair(self._host, self._hear))
        except OSError:
            return
        self._media.move(self._host, self._ports[-1].port)
        self.session.move_media(self._loop.time())
        self._flush()

    def _press(self, key: str) -> None:
        if not self.is_up:
            return
        self._pressed += key.upper()
        if self._manners.presses_by == "info":
            self.session.inform(key, self._loop.time())
            self._flush()
            return
        far = self._far
        if far is None or far.event_type is None:
            return
        packets = events.press(
            key,
            payload_type=far.event_type,
            ssrc=self.ear.ssrc,
            sequence=self._sequence,
            timestamp=self._timestamp,
        )
        self._sequence = (self._sequence + len(packets)) & 0xFFFF
        self._timestamp = (self._timestamp + int(_BETWEEN_KEYS * 8_000)) & 0xFFFFFFFF
        for number, packet in enumerate(packets):
            send = partial(self._ports[-1].send, packet.encode(), (far.address, far.port))
            self._later(number * _PACKET_SECONDS, send)

    def _later(self, seconds: float, what: Callable[[], None]) -> None:
        def run() -> None:
            self._timers.discard(timer)
            what()

        timer = self._loop.call_later(seconds, run)
        self._timers.add(timer)


def number_of(uri: str) -> str:
    """The user part of a SIP URI or the number of a tel URI; empty where there is none."""
    try:
        parsed = parse_uri(uri)
    except BadMessage:
        return ""
    if isinstance(parsed, SipUri):
        return parsed.user or ""
    return parsed.number if isinstance(parsed, TelUri) else ""
