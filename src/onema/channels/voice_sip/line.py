"""What an App process and its SIP engine say to each other: MessagePack, each message behind its length.

The engine has no settings, no store and no names of ours: what it is to do is in these messages. The line also tells
each that the other lives, since the kernel closes it with the process, however that ends.
"""

import asyncio
import enum
import struct
from collections.abc import Callable
from typing import Any, Literal

import msgspec

from onema.domain.delivery.call import CallState

LONGEST_MESSAGE = 4 * 1024 * 1024
LONGEST_BACKLOG = 32 * 1024 * 1024
"""Octets that may wait for the other end. One that leaves more unread hangs, and is given up: a call says a bounded
number of things, and there is a bounded number of calls."""
ALIVE_SECONDS = 2.0
_LENGTH = struct.Struct(">I")


class Trunk(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach one carrier, as its settings say (configuration.py). Times are seconds."""

    name: str
    places: tuple[tuple[str, int | None], ...]
    """Where to send what begins here, the first one first: hosts, which without a port are looked up (RFC 3263)."""
    transport: Literal["udp", "tcp", "tls"] = "udp"
    domain: str = ""
    """What OPTIONS are addressed to."""
    registrar: str = ""
    """The domain to register with; empty: none is needed."""
    register_seconds: int = 600
    auth_user: str = ""
    password: str = ""
    realm: str = ""
    """The only realm whose challenges are met; empty: any."""
    bind_address: str = ""
    """Our own, for SIP and RTP; empty: what the system chooses towards the carrier."""
    bind_port: int = 0
    public_address: str = ""
    """What Contact and SDP name instead, behind a NAT."""
    rtp_ports: tuple[int, int] | None = None
    """The lowest and the highest."""
    own_port: bool = False
    """Whether each call sends from an RTP port of its own."""
    codecs: tuple[Literal["PCMU", "PCMA"], ...] = ("PCMU", "PCMA")
    telephone_events: bool = True
    srtp: bool = False
    """Whether audio is SRTP or nothing."""
    early_media: bool = False
    """Whether silence is sent once the far end may be heard before the answer; the message begins with the answer."""
    session_seconds: int = 1_800
    """Session-Expires (RFC 4028); 0: none is asked for."""
    options_seconds: float = 30.0
    """How often it is asked whether it is there; 0: never, and it counts as there."""
    answer_seconds: float = 32.0
    """How long a place may say nothing at all to an INVITE; then the next one is tried."""
    ring_seconds: float = 45.0
    """How long it may take from the first INVITE to the answer; then it is cancelled."""
    shown_headers: tuple[str, ...] = ()
    """Headers of the final answer, or of the BYE, that CallEnded tells besides `X-...`."""
    tls_ca_file: str = ""
    tls_certificate_file: str = ""
    tls_key_file: str = ""
    tls_server_name: str = ""

    @property
    def tls(self) -> bool:
        return self.transport == "tls"

    def __repr__(self) -> str:
        """Without its password."""
        return f"Trunk({self.name!r})"


class Invite(msgspec.Struct, frozen=True, kw_only=True):
    """The INVITE's shape, as the settings want it. `from_` and `to` are name-addrs without tag; `headers` are those
    besides: identities, Diversion, what the settings add. `contact_user` is what our Contact says before its host.
    """

    request_uri: str
    from_: str
    to: str
    headers: tuple[tuple[str, str], ...] = ()
    contact_user: str = ""

    def __repr__(self) -> str:
        """Without its numbers."""
        return "Invite(...)"


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """A key that must be pressed before the code is said, against voicemail.

    `clips` ask for it again and again, `seconds` in all; then the call is hung up.
    """

    key: str
    clips: tuple[int, ...]
    seconds: float

    def __repr__(self) -> str:
        return f"Gate({self.key!r})"


# From the App to the engine.


class OpenTrunk(msgspec.Struct, frozen=True, tag="open_trunk"):
    """Begin to be ready for calls over it."""

    trunk: Trunk


class CloseTrunk(msgspec.Struct, frozen=True, tag="close_trunk"):
    """Unregister and forget it; what is still up on it is hung up."""

    name: str


class LearnClip(msgspec.Struct, frozen=True, tag="learn_clip"):
    """Sound that calls play; PCMU, whole frames of 20 ms."""

    clip: int
    pcmu: bytes

    def __repr__(self) -> str:
        return f"LearnClip({self.clip})"


class ForgetClip(msgspec.Struct, frozen=True, tag="forget_clip"):
    """No call that is placed from now on plays it."""

    clip: int


class PlaceCall(msgspec.Struct, frozen=True, kw_only=True, tag="place_call"):
    call: int
    trunk: str
    invite: Invite
    clips: tuple[int, ...]
    """The whole message, as often as it is said."""
    max_seconds: float
    """From the answer to our BYE, whatever plays then."""
    gate: Gate | None = None
    repeat_key: str = "1"
    """A key that begins the message anew; empty: none."""

    def __repr__(self) -> str:
        """The clips in their order are the code."""
        return f"PlaceCall({self.call})"


class HangUp(msgspec.Struct, frozen=True, tag="hang_up"):
    """End a call in whatever state it is; CallEnded follows."""

    call: int


Order = OpenTrunk | CloseTrunk | LearnClip | ForgetClip | PlaceCall | HangUp


# From the engine to the App.


class TrunkTold(msgspec.Struct, frozen=True, kw_only=True, tag="trunk"):
    """Whether calls can be placed over a trunk now, and if not, why."""

    name: str
    ready: bool
    problem: str = ""


class CallMoved(msgspec.Struct, frozen=True, kw_only=True, tag="moved"):
    """How far a call is, from when on (Unix ms); ENDED is never said so."""

    call: int
    state: CallState
    at: int
    keys: str = ""


class How(enum.StrEnum):
    """Why a call is over. What follows is outcomes.py's."""

    PLAYED = "played"
    """All of it was said, or max_seconds were over."""
    HUNG_UP = "hung up"
    """The far end, after the answer."""
    REFUSED = "refused"
    """By the final answer `status`, 300 to 699."""
    NO_ANSWER = "no answer"
    """It rang for ring_seconds."""
    SILENCE = "silence"
    """No final answer to the INVITE came, and nothing rang."""
    NOT_SENT = "not sent"
    """No address could be found or connected to, or the system said that nobody listens there."""
    BAD_MEDIA = "bad media"
    """The far end answered with an SDP that no call can be held with."""
    NO_KEY = "no key"
    """The key before the code was not pressed."""
    LOST = "lost"
    """The dialog broke after the answer: a request within it got no answer, or the session expired."""
    STOPPED = "stopped"
    """We were asked to hang up, or stop."""


class Reason(msgspec.Struct, frozen=True):
    """One Reason header (RFC 3326): `protocol` in lower case, `cause` 0 where there is none."""

    protocol: str
    cause: int
    text: str = ""


class CallEnded(msgspec.Struct, frozen=True, kw_only=True, tag="ended"):
    """All that is known of a call in the end. Times are seconds, 0.0 where there is none."""

    call: int
    how: How
    status: int = 0
    """The final status of the INVITE; 0: none came."""
    phrase: str = ""
    reasons: tuple[Reason, ...] = ()
    """Of the final answer, or of the BYE."""
    headers: tuple[tuple[str, str], ...] = ()
    """`X-...` of the same, and Trunk.shown_headers."""
    retry_after: float = 0.0
    rang: bool = False
    """Whether a phone may have rung: 180, 183 or another sign besides 100."""
    answered: bool = False
    ring_seconds: float = 0.0
    talk_seconds: float = 0.0
    keys: str = ""
    codec: str = ""
    packets_sent: int = 0
    packets_received: int = 0
    packets_lost: int = 0
    jitter_ms: float = 0.0
    detail: str = ""
    """For operators, in our own words: no number and no code is in it."""
    trace: bytes = b""

    def __repr__(self) -> str:
        return f"CallEnded({self.call}, {self.how.value!r}, {self.status})"


class Alive(msgspec.Struct, frozen=True, tag="alive"):
    """Said every ALIVE_SECONDS."""


class Noted(msgspec.Struct, frozen=True, tag="noted"):
    """What the engine would log: `sentence` is constant, `fields` hold no number and no secret."""

    sentence: str
    fields: dict[str, str] = {}


News = TrunkTold | CallMoved | CallEnded | Alive | Noted


class LineClosed(Exception):
    """The other end is gone, does not read, or is not understood."""


class Line:
    """One end. `hears` gets each message of the other, in order; it must not raise. Runs until either end is gone."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kind: Any) -> None:
        self._reader = reader
        self._writer = writer
        self._decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(kind)
        self._encoder = msgspec.msgpack.Encoder()
        self._waiting: list[bytes] = []
        """What was said in this turn of the loop, and is written after it: one system call for all of it."""
        self._waiting_octets = 0

    def tell(self, message: Order | News) -> None:
        """Raises LineClosed, also when the other end leaves too much unread; then it is closed for good."""
        if self._writer.is_closing():
            raise LineClosed
        if self._writer.transport.get_write_buffer_size() + self._waiting_octets > LONGEST_BACKLOG:
            self.close()
            raise LineClosed
        octets = self._encoder.encode(message)
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._write)
        self._waiting += (_LENGTH.pack(len(octets)), octets)
        self._waiting_octets += len(octets)

    def _write(self) -> None:
        waiting, self._waiting, self._waiting_octets = self._waiting, [], 0
        if waiting and not self._writer.is_closing():
            self._writer.write(b"".join(waiting))

    async def run(self, hears: Callable[[Any], None]) -> None:
        """Returns when the other end is gone, or said what is none of its messages."""
        try:
            while True:
                (length,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
                if length > LONGEST_MESSAGE:
                    return
                hears(self._decoder.decode(await self._reader.readexactly(length)))
        except (ConnectionError, asyncio.IncompleteReadError, msgspec.DecodeError):
            return
        finally:
            self.close()

    def close(self) -> None:
        self._write()
        self._writer.close()


def to_engine(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Line:
    """The App's end."""
    return Line(reader, writer, News)


def to_app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Line:
    """The engine's end."""
    return Line(reader, writer, Order)
