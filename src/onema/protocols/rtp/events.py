"""Keys of a phone as RTP packets (RFC 4733 §2)."""

import struct
from collections import deque

import msgspec

from onema.protocols.rtp.packets import Packet

KEYS = "0123456789*#ABCD"
"""By event number (RFC 4733 §3.2)."""

_PAYLOAD = struct.Struct(">BBH")
_END = 0x80
_VOLUME = 0x3F
_REMEMBERED = 16
_LONGEST_DURATION = 0xFFFF


class Event(msgspec.Struct, frozen=True, gc=False):
    """One packet's payload. The reserved bit beside `end` is ignored (§2.3.2)."""

    number: int
    end: bool
    volume: int
    """In -dBm0."""
    duration: int
    """In units of the timestamp; 0 occurs in a first packet."""

    def encode(self) -> bytes:
        return _PAYLOAD.pack(self.number, (_END if self.end else 0) | self.volume, self.duration)


def parse(payload: bytes) -> Event | None:
    """None for fewer than four octets; of several events in one packet (RFC 2198), the first."""
    if len(payload) < _PAYLOAD.size:
        return None
    number, flags, duration = _PAYLOAD.unpack_from(payload)
    return Event(number, bool(flags & _END), flags & _VOLUME, duration)


class KeyHearing:
    """What is pressed, each key once, from packets as they come: repeated, lost, reordered, with audio between.

    One press is one source, one timestamp and one event. Its packets share the timestamp (§2.2.2); sequence numbers,
    marker, durations and the number of end packets are what phones differ in.
    """

    def __init__(self, payload_type: int | None) -> None:
        """`payload_type` is the negotiated one: of any other, four octets are no key. None hears nothing."""
        self.payload_type = payload_type
        self._heard: deque[tuple[int, int, int]] = deque(maxlen=_REMEMBERED)
        """The last presses: source, timestamp, event."""
        self._last: tuple[int, int, int] | None = None
        """The press before, and how long it was pressed when last heard of."""
        self._last_duration = 0

    def receive(self, packet: Packet) -> str | None:
        """The key that this packet is the first of; None for everything else."""
        if packet.payload_type != self.payload_type:
            return None
        event = parse(packet.payload)
        if event is None or event.number >= len(KEYS):
            return None
        press = packet.ssrc, packet.timestamp, event.number
        if press in self._heard:
            if press == self._last:
                self._last_duration = max(self._last_duration, event.duration)
            return None
        goes_on = self._goes_on(press)
        self._heard.append(press)
        self._last, self._last_duration = press, event.duration
        return None if goes_on else KEYS[event.number]

    def _goes_on(self, press: tuple[int, int, int]) -> bool:
        """A key held for more than 8 s is told in segments: the next has the timestamp where the full one ended
        (§2.5.1.3).
        """
        if self._last is None or self._last_duration != _LONGEST_DURATION:
            return False
        ssrc, timestamp, number = self._last
        return press == (ssrc, (timestamp + _LONGEST_DURATION) & 0xFFFFFFFF, number)


def press(
    key: str,
    *,
    payload_type: int,
    ssrc: int,
    sequence: int,
    timestamp: int,
    duration_ms: int = 160,
    every_ms: int = 20,
    volume: int = 10,
    end_packets: int = 3,
) -> list[Packet]:
    """The packets of one key, to be sent `every_ms`; the last `end_packets` may follow each other at once (§2.5.1.4).

    `timestamp` is that of the moment when it is pressed; sequence numbers count up. Raises ValueError for no key.
    """
    number = KEYS.find(key.upper())
    if len(key) != 1 or number < 0:
        raise ValueError("a key is one of 0-9, *, #, A-D")
    durations = [8 * ms for ms in range(every_ms, duration_ms, every_ms)]
    packets = [(duration, False) for duration in durations] + [(8 * duration_ms, True)] * end_packets
    return [
        Packet(
            payload_type,
            (sequence + count) & 0xFFFF,
            timestamp,
            ssrc,
            Event(number, end, volume, min(duration, _LONGEST_DURATION)).encode(),
            marker=count == 0,
        )
        for count, (duration, end) in enumerate(packets)
    ]
