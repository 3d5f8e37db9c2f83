"""The messages of one call, kept for operators: the first and the last of them, with nothing secret in them.

Neither the code, which is spoken, nor audio is in them. What proves a password or encrypts audio is written over with
asterisks before anything is stored, keys of SRTP with A, each as long as before, so that a trace may be shown and sent
to a carrier. It is data, never log: phone numbers stand in it.
"""

import re
import zlib
from collections import deque

import msgspec

MOST_MESSAGES = 100
MOST_OCTETS = 48 * 1024
"""Of all messages kept, before they are packed: what cannot be packed fits into the 64 KiB of a stored call too."""
LONGEST_KEPT = 8 * 1024
"""Octets kept of one message."""

_VERSION = b"\x01"
_LARGEST_UNPACKED = 1024 * 1024

_CREDENTIALS = re.compile(
    rb"^(?:Proxy-)?(?:Authorization|Authentication-Info)[ \t]*:(?:[^\r\n]|\r?\n[ \t])*",
    re.IGNORECASE | re.MULTILINE,
)
_PROOF = re.compile(rb"((?:response|cnonce|rspauth)\s*=\s*\"?)([^\",\s]*)", re.IGNORECASE)
_DIGEST = re.compile(rb"[^:]*:\s*Digest\s|[^:]*-Info", re.IGNORECASE)
_KEY = re.compile(
    rb"(inline:)([A-Za-z0-9+/=]*)|^((?:a=key-mgmt|k=)[^\r\n: ]*[: ])([^\r\n]*)", re.IGNORECASE | re.MULTILINE
)


class TracedMessage(msgspec.Struct, frozen=True, array_like=True):
    """One message on its way. `milliseconds` are counted from the first message; addresses have no brackets; `octets`
    are at most the first LONGEST_KEPT of `whole`.
    """

    milliseconds: int
    is_outgoing: bool
    local: tuple[str, int]
    far: tuple[str, int]
    transport: str
    """UDP, TCP or TLS."""
    octets: bytes
    whole: int

    def __repr__(self) -> str:
        """Without the message, which holds numbers."""
        return f"<TracedMessage at {self.milliseconds} ms, {self.whole} octets>"


class RecordedTrace(msgspec.Struct, frozen=True, array_like=True):
    """What a stored trace holds. `began` is the Unix time of the first message; `left_out` messages would stand behind
    the first `first` of those kept.
    """

    began: float
    messages: list[TracedMessage]
    first: int = 0
    left_out: int = 0


class BadTrace(ValueError):
    """Octets that no trace has."""


class Trace:
    """Takes the messages of one call as they go and come; of a long call it forgets those in the middle."""

    def __init__(self) -> None:
        self._began = 0.0
        self._first: list[TracedMessage] = []
        self._first_octets = 0
        self._last: deque[TracedMessage] = deque()
        self._last_octets = 0
        self._left_out = 0

    def __len__(self) -> int:
        return len(self._first) + len(self._last)

    def add(
        self,
        at: float,
        octets: bytes,
        *,
        is_outgoing: bool,
        local: tuple[str, int],
        far: tuple[str, int],
        transport: str,
    ) -> None:
        """`at` is Unix time in seconds."""
        if not self._first:
            self._began = at
        message = TracedMessage(
            max(0, round((at - self._began) * 1000)),
            is_outgoing,
            local,
            far,
            transport,
            octets[:LONGEST_KEPT],
            len(octets),
        )
        size = len(message.octets)
        has_room = self._first_octets + size <= MOST_OCTETS // 2 and len(self._first) < MOST_MESSAGES // 2
        if has_room and not self._last:
            self._first.append(message)
            self._first_octets += size
            return
        self._last.append(message)
        self._last_octets += size
        while self._last_octets > MOST_OCTETS // 2 or len(self._last) > MOST_MESSAGES // 2:
            self._last_octets -= len(self._last.popleft().octets)
            self._left_out += 1

    def encode(self) -> bytes:
        """What to store: packed, and empty where nothing was sent or came."""
        if not self._first:
            return b""
        messages = [_without_secrets(message) for message in (*self._first, *self._last)]
        recorded = RecordedTrace(self._began, messages, len(self._first), self._left_out)
        return _VERSION + zlib.compress(_encoder.encode(recorded), level=1)


def read_trace(stored: bytes) -> RecordedTrace:
    """What `encode` made. Raises BadTrace for other octets."""
    if stored[:1] != _VERSION:
        raise BadTrace("a trace of another version, or none")
    unpacking = zlib.decompressobj()
    try:
        unpacked = unpacking.decompress(stored[1:], _LARGEST_UNPACKED)
        if unpacking.eof:
            return _decoder.decode(unpacked)
    except (zlib.error, msgspec.MsgspecError):
        pass
    raise BadTrace("a trace that cannot be read")


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(RecordedTrace)


def _without_secrets(message: TracedMessage) -> TracedMessage:
    return msgspec.structs.replace(message, octets=without_secrets(message.octets))


def without_secrets(octets: bytes) -> bytes:
    """The message without what proves a password (RFC 7616 §3.4) and without keys of SRTP (RFC 4568 §6.1, RFC 4567
    §3.1), as long as before.
    """
    head, end, body = octets.partition(b"\r\n\r\n")
    if b"uth" in head.lower():
        head = _CREDENTIALS.sub(_covered_credentials, head)
    return head + end + _KEY.sub(_covered_key, body)


def _covered_credentials(found: re.Match[bytes]) -> bytes:
    row = found[0]
    if _DIGEST.match(row):
        return _PROOF.sub(lambda proof: proof[1] + b"*" * len(proof[2]), row)
    name, colon, value = row.partition(b":")
    return name + colon + re.sub(rb"[^\s]", b"*", value)


def _covered_key(found: re.Match[bytes]) -> bytes:
    if found[1] is not None:
        # Still base64, which is what readers of captures look for.
        return found[1] + re.sub(rb"[^=]", b"A", found[2])
    return found[3] + b"*" * len(found[4])
