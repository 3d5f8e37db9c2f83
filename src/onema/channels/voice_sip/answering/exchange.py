"""Phones of our own behind one SIP port: they answer calls and understand the codes that they are told."""

import asyncio
import contextlib
import random
import secrets
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from typing import Self

import msgspec

from onema.channels.voice_sip.answering.ear import understood
from onema.channels.voice_sip.answering.phone import Manners, Phone, Recording, number_of
from onema.channels.voice_sip.transports import Hop, StreamTransport, Transport, UdpTransport
from onema.protocols.sip.answers import note_source, response_to
from onema.protocols.sip.bad_message import BadMessage
from onema.protocols.sip.called import Door, Script
from onema.protocols.sip.dialogs import Local
from onema.protocols.sip.digest import DigestServer
from onema.protocols.sip.established import ALLOW
from onema.protocols.sip.header_values import read_seconds
from onema.protocols.sip.messages import Message, Request
from onema.protocols.sip.strangers import Strangers
from onema.protocols.sip.transactions import Sending
from onema.speech.g711 import Law
from onema.speech.pack import Voice
from onema.speech.voices import Voices

MOST_CALLS = 1_000
"""That it remembers; the oldest are forgotten first."""


class Counts(msgspec.Struct):
    """What has happened since the start."""

    invites: int = 0
    """Calls that came, repetitions and second tries with a password left out."""
    answered: int = 0
    registrations: int = 0
    options: int = 0


class Plain(msgspec.Struct, frozen=True):
    """A phone that rings for half a second, is answered, and listens for two minutes at most."""

    loses: float = 0.0
    loses_signalling: float = 0.0
    presses: str = ""
    presses_after: float = 0.0
    presses_by: str = "rtp"
    moves_media_after: float | None = None

    def as_called(self) -> Script:
        return Script(final_after=0.5, hangs_up_after=120.0)


class Exchange:
    """Listens on UDP and TCP (TLS with `tls`), answers whoever calls, and understands what it is told; `async with` it.

    `on_call` hears of every call that ended, when its code is understood. `voices` are those that it understands: the
    built-in ones where none are given. More than `most` calls at once are refused. What phones do is for subclasses to
    say: these are all answered.
    """

    agent = "onema"
    """What Server says."""
    laws: tuple[Law, ...] = (Law.PCMU, Law.PCMA)
    """The first is preferred."""
    rate = 1.0
    """At which the messages are spoken that it hears."""
    digest: DigestServer | None = None
    """Asks callers for a password; None: nobody is asked."""

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        voices: Mapping[str, Voice] | None = None,
        on_call: Callable[[Recording], None] = lambda recording: None,
        chance: random.Random | None = None,
        most: int = 10_000,
    ) -> None:
        self._most = most
        self._host = host
        self.port = port
        """The port that it listens on; the wanted one before the start, 0 for any."""
        self._tls = tls
        self._voices = voices
        self._on_call = on_call
        self._chance = chance or random.Random()  # noqa: S311  # nothing secret comes of it
        self._transports: dict[str, Transport] = {}
        """By kind, while it listens."""
        self._phones: dict[str, Phone] = {}
        """By Call-ID."""
        self._understanding: set[asyncio.Task[None]] = set()
        self._strangers = Strangers(secrets.token_bytes(32))
        self._changed: asyncio.Event | None = None
        """Set and taken away whenever something happened, so that each waiter of `until` looks again."""
        self.calls: deque[Recording] = deque(maxlen=MOST_CALLS)
        """That ended, oldest first."""
        self.counts = Counts()

    def manners(self, caller: str, called: str) -> Manners:
        """What the phone does that is called. Numbers are without plus."""
        return Plain()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen; after `stop` on the same port. Raises OSError."""
        if self._transports:
            return
        if self._voices is None:
            self._voices = await asyncio.to_thread(Voices.load)
        for _ in range(_TRIES):
            udp = UdpTransport(self._host, self.port, self)
            await udp.open()
            stream = StreamTransport(
                self._host,
                udp.port,
                self,
                context=_trusting() if self._tls else None,
                own_context=self._tls,
            )
            try:
                await stream.open()
            except OSError:
                udp.close()
                if self.port:
                    raise
                # A free port of UDP may be taken for TCP.
                continue
            self._transports = {"udp": udp, "tls" if self._tls else "tcp": stream}
            self.port = udp.port
            return
        raise OSError("no port is free for UDP and TCP")

    async def stop(self) -> None:
        """Hang everybody up without a word, and listen no more. Safe twice."""
        for phone in tuple(self._phones.values()):
            phone.close()
        self._phones.clear()
        transports, self._transports = self._transports, {}
        for transport in transports.values():
            transport.close()
        for task in tuple(self._understanding):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until the condition is true; it is asked whenever something happened."""
        while not condition():
            self._changed = self._changed or asyncio.Event()
            await self._changed.wait()

    @property
    def up(self) -> list[Phone]:
        """Those that are talked on now."""
        return [phone for phone in self._phones.values() if phone.is_up]

    @property
    def ringing(self) -> int:
        """How many ring, or are just called."""
        return sum(phone.rings for phone in self._phones.values())

    # What transports tell.

    def welcomes(self, ip: str) -> bool:
        """Anybody: it is for tests."""
        return True

    def heard(self, message: Message, came_from: Hop) -> None:
        phone = self._phones.get(message.call_id)
        if phone is not None:
            phone.receive(message, came_from)
        elif isinstance(message, Request) and message.method == "INVITE" and not message.to.tag:
            self._called(message, came_from)
        elif isinstance(message, Request) and message.method == "REGISTER":
            self._registered(message, came_from)
        else:
            if isinstance(message, Request):
                self.counts.options += message.method == "OPTIONS"
            self._say(self._strangers.answer(message, self._now(), came_from), came_from)
        self._news()

    def misheard(self, bad: BadMessage, came_from: Hop) -> None:
        self._say(self._strangers.refuse(bad, self._now(), came_from), came_from)

    def failed(self, hop: Hop, why: str) -> None:
        """Who called is gone, or refuses: timers find that out, as at a real phone."""

    # What phones tell.

    def send(self, sending: Sending, phone: Phone) -> None:
        to = sending.source if isinstance(sending.source, Hop) else phone.came_from
        transport = self._transports.get(to.kind)
        if transport is not None:
            transport.send(sending.data, to)

    def changed(self, phone: Phone) -> None:
        self._news()

    def ended(self, phone: Phone, recording: Recording) -> None:
        self.counts.answered += recording.talk_seconds > 0
        task = asyncio.get_running_loop().create_task(self._understand(recording))
        self._understanding.add(task)
        task.add_done_callback(self._understanding.discard)

    def gone(self, phone: Phone) -> None:
        for call_id, one in tuple(self._phones.items()):
            if one is phone:
                del self._phones[call_id]
        self._news()

    # What it does of itself.

    def _called(self, invite: Request, came_from: Hop) -> None:
        caller, called = number_of(invite.from_.uri), number_of(invite.uri)
        if len(self._phones) >= self._most:
            self._say(response_to(invite, 503, tag=secrets.token_hex(4)).encode(), came_from)
            return
        manners = self.manners(caller.lstrip("+"), called.lstrip("+"))
        try:
            phone = Phone(
                self,
                manners,
                host=self._host,
                local=self._local(came_from.kind),
                laws=self.laws,
                door=self._door,
                chance=self._chance,
                came_from=came_from,
            )
        except OSError:
            self._say(response_to(invite, 500, tag=secrets.token_hex(4)).encode(), came_from)
            return
        self.counts.invites += 1
        self._phones[invite.call_id] = phone
        phone.receive(invite, came_from)

    @property
    def _door(self) -> Door | None:
        digest = self.digest
        if digest is None:
            return None
        return lambda request: (digest.status, digest.refuse(request, self._now()))

    def _local(self, kind: str) -> Local:
        host = f"[{self._host}]" if ":" in self._host else self._host
        parameter = "" if kind == "udp" else f";transport={kind}"
        return Local(
            transport=kind.upper(),
            host=host,
            port=self.port,
            contact=f"<sip:phone@{host}:{self.port}{parameter}>",
            agent=self.agent,
        )

    def _registered(self, request: Request, came_from: Hop) -> None:
        """A trunk that registers is welcome, with the right password."""
        note_source(request, came_from)
        tag = secrets.token_hex(4)
        challenge = self.digest.refuse(request, self._now()) if self.digest is not None else []
        if self.digest is not None and challenge:
            response = response_to(request, self.digest.status, tag=tag, more=challenge)
        else:
            self.counts.registrations += 1
            seconds = read_seconds(request.headers.get("Expires"))
            contact = request.contact
            seconds = 3_600 if seconds is None else seconds
            more: list[tuple[str, str]] = [("Expires", str(seconds)), ("Allow", ALLOW)]
            if contact is not None and seconds:
                more.append(("Contact", f"<{contact.uri}>;expires={seconds}"))
            response = response_to(request, 200, tag=tag, more=more)
        self._say(response.encode(), came_from)

    def _say(self, octets: bytes | None, to: Hop) -> None:
        transport = self._transports.get(to.kind)
        if octets and transport is not None:
            transport.send(octets, to)

    async def _understand(self, recording: Recording) -> None:
        if recording.audio is not None and len(recording.audio):
            heard = await asyncio.to_thread(understood, recording.audio, self._voices or {}, self.rate)
            recording = msgspec.structs.replace(recording, heard=heard)
        self.calls.append(recording)
        self._on_call(recording)
        self._news()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _news(self) -> None:
        if self._changed is not None:
            changed, self._changed = self._changed, None
            changed.set()


_TRIES = 20


def _trusting() -> ssl.SSLContext:
    """For connections of ours to who called: it is for tests, and callers rarely have a certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
