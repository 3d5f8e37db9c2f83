"""Streams that are due at the same moment, sent in one system call.

A Slice keeps what changes from packet to packet in arrays, one place a stream: sequence number, timestamp, where the
next payload lies. They advance for all its streams at once, and the C library reads them where they are. Streams that
are silent (held, or without a destination) stand behind those that send, so that one call sends the first so many.
"""

import ctypes
import errno
import socket
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from onema.channels.voice_sip.clips import SILENCE, Programme, Run, packet_octets
from onema.channels.voice_sip.datagrams import (
    LONGEST_NAME,
    MESSAGE,
    NAME_OCTETS,
    NO_ROOM,
    PART,
    Address,
    Many,
    grown,
    pointer,
    sockaddr,
)
from onema.channels.voice_sip.srtp import Protection
from onema.speech.g711 import Law

_HEADER = np.dtype(
    [("first", "u1"), ("type", "u1"), ("sequence", ">u2"), ("timestamp", ">u4"), ("ssrc", ">u4")]
)
"""RFC 3550 §5.1, without CSRC and extension."""
_VERSION_2 = 0x80
_MARKER = 0x80
_SAMPLES_PER_MS = 8
_FIRST_ROOM = 32


class Stream:
    """What one call sends."""

    def __init__(self, call: int, ssrc: int, sequence: int, timestamp: int) -> None:
        self.call: Final = call
        self.ssrc: Final = ssrc
        self.first_sequence = sequence
        self.first_timestamp = timestamp
        self.slice: Slice | None = None
        """Where it is, and at which place; the slice sets both."""
        self.at = 0
        self.descriptor = -1
        """Of its socket."""
        self.protection: Protection | None = None
        """Of SRTP: what it sends is made secret packet by packet."""
        self.secure_to: socket.socket | None = None
        """The socket of what is protected."""
        self.family = socket.AF_INET
        self.destination: Address | None = None
        self.law = Law.PCMU
        self.payload_type = 0
        self.ptime_ms = 20
        self.programme: Programme | None = None
        """What it plays; None once it was played to the end."""
        self.runs: Iterator[Run] = iter(())
        self.packets_before = 0
        """Sent before it came to its slice, less those that the system did not take."""
        self.running = SILENCE[Law.PCMU]
        """What memory is sent from: kept as long as messages point into it."""


class Slice:
    """`turn` sends a packet of each stream that sends. Times are nanoseconds of one clock."""

    def __init__(
        self, ptime_ms: int, due: int, many: Many, played: Callable[[Stream], None], *, shared: bool = True
    ) -> None:
        """`due` is when its first packets leave; `shared` says that all its streams have one socket."""
        self.ptime_ms: Final = ptime_ms
        self.due = due
        self._many = many
        self._played = played
        self._shared = shared
        self._period = ptime_ms * 1_000_000
        self._samples = ptime_ms * _SAMPLES_PER_MS
        self.streams: list[Stream] = []
        self._sending = 0
        """How many of them send; they stand first."""
        self._marked = False
        """Whether a header has the marker bit."""
        self.failed = 0
        """Packets that the system did not take."""
        self.was_refused = False
        """Whether ICMP may have said something since somebody looked."""
        self._room = 0
        self._make_room(_FIRST_ROOM)

    def __len__(self) -> int:
        return len(self.streams)

    # Streams come and go.

    def join(self, stream: Stream, *, sends: bool) -> None:
        """Take a stream in. Raises Unreachable."""
        name = b"" if stream.destination is None else sockaddr(stream.destination, stream.family)
        if len(self.streams) == self._room:
            self._make_room(2 * self._room)
        at = stream.at = len(self.streams)
        stream.slice = self
        self.streams.append(stream)
        header = self._headers[at]
        header["first"] = _VERSION_2
        header["ssrc"] = stream.ssrc
        self._sequence[at] = header["sequence"] = stream.first_sequence
        self._timestamp[at] = header["timestamp"] = stream.first_timestamp
        self._packets[at] = 0
        self._messages[at]["name_octets"] = NAME_OCTETS[stream.family]
        self._names[at, : len(name)] = np.frombuffer(name, np.uint8)
        self.begin(stream)
        self._put_type(stream, marker=True)
        if sends and name:
            self._swap(at, self._sending)
            self._sending += 1

    def leave(self, stream: Stream) -> None:
        """Take a stream out; what it needs to go on elsewhere is in the stream."""
        self.silence(stream)
        stream.packets_before += int(self._packets[stream.at])
        stream.first_sequence = int(self._sequence[stream.at])
        stream.first_timestamp = int(self._timestamp[stream.at])
        self._swap(stream.at, len(self.streams) - 1)
        self.streams.pop()
        stream.slice = None

    def silence(self, stream: Stream) -> None:
        """Send nothing of it for now. Its clock goes on; what it plays waits."""
        if stream.at < self._sending:
            self._sending -= 1
            self._swap(stream.at, self._sending)

    def sound(self, stream: Stream) -> None:
        """Send it again, if it has a destination."""
        if stream.at >= self._sending and stream.destination is not None:
            self._put_type(stream, marker=True)
            self._swap(stream.at, self._sending)
            self._sending += 1

    def sends(self, stream: Stream) -> bool:
        return stream.at < self._sending

    def redirect(self, stream: Stream, destination: Address) -> None:
        """Raises Unreachable."""
        name = sockaddr(destination, stream.family)
        self._names[stream.at, : len(name)] = np.frombuffer(name, np.uint8)
        stream.destination = destination

    def begin(self, stream: Stream) -> None:
        """Play the stream's programme from where it is; without one, silence."""
        programme = stream.programme
        stream.runs = iter(()) if programme is None else programme.runs(stream.law, self.ptime_ms)
        self._start(stream, _next_run(stream))
        if programme is not None and stream.running is SILENCE[stream.law]:
            stream.programme = None
            self._played(stream)

    def packets(self, stream: Stream) -> int:
        """How many were sent of it."""
        return stream.packets_before + int(self._packets[stream.at])

    def timestamp(self, stream: Stream) -> int:
        """That of its next packet."""
        return int(self._timestamp[stream.at])

    def octets_played(self, stream: Stream) -> int:
        """Of the run that it is in; 0 of silence."""
        run = stream.running
        return (run.packets - int(self._left[stream.at])) * run.stride

    # Time passes.

    def turn(self, now: int) -> None:
        """Send what is due. After a stall of one or more packets' time nothing is sent twice as fast: timestamps skip
        what was missed, sequence numbers and audio do not, so that the far end hears a pause and no digit is lost.
        """
        missed = (now - self.due) // self._period
        count = len(self.streams)
        if missed > 0:
            self._timestamp[:count] += np.uint32(missed * self._samples & 0xFFFFFFFF)
            self._headers["timestamp"][:count] = self._timestamp[:count]
            self._headers["type"][:count] |= _MARKER
            self._marked = True
        self.due += (missed + 1) * self._period
        sending = self._sending
        if sending:
            if self._shared:
                self._send(self.streams[0].descriptor, 0, sending)
            else:
                for stream in self.streams[:sending]:
                    if stream.protection is None:
                        self._send(stream.descriptor, stream.at, 1)
                    else:
                        self._send_protected(stream, stream.protection)
        self._advance(sending, count)

    def _advance(self, sending: int, count: int) -> None:
        self._timestamp[:count] += self._samples
        self._headers["timestamp"][:count] = self._timestamp[:count]
        if not sending:
            return
        if self._marked:
            # Silent ones keep it: theirs is not yet sent.
            self._headers["type"][:sending] &= 0xFF ^ _MARKER
            self._marked = False
        self._sequence[:sending] += 1
        self._headers["sequence"][:sending] = self._sequence[:sending]
        self._packets[:sending] += 1
        self._payloads[:sending] += self._strides[:sending]
        left = self._left[:sending]
        left -= 1
        if not left.all():
            for at in np.flatnonzero(left == 0).tolist():
                self._go_on(self.streams[at])

    def _go_on(self, stream: Stream) -> None:
        run = _next_run(stream)
        if run.stride == 0 and stream.programme is not None:
            stream.programme = None
            self._played(stream)
        elif stream.programme is not None:
            stream.programme.sent_octets += stream.running.audio.octets
        self._start(stream, run)

    def _send(self, descriptor: int, first: int, count: int) -> None:
        """Send messages; one that the system does not take is lost, as the network might have lost it."""
        end = first + count
        refused_at = -1
        while first < end:
            try:
                first += self._many(descriptor, self._message_address + first * MESSAGE.itemsize, end - first)
                # The error that stopped it is told to nobody when a packet went before.
                self.was_refused |= first < end
            except OSError as error:
                if error.errno in NO_ROOM:
                    self._lost(first, end)
                    return
                # ECONNREFUSED and the like tell of a packet before, perhaps of another stream: once more.
                if error.errno in _OF_EARLIER_PACKETS and refused_at != first:
                    refused_at, self.was_refused = first, True
                    continue
                self._lost(first, first + 1)
                first += 1

    def _send_protected(self, stream: Stream, protection: Protection) -> None:
        """The packet as it lies in memory, made secret. One that the system does not take is lost."""
        at = stream.at
        payload = ctypes.string_at(int(self._payloads[at]), packet_octets(self.ptime_ms))
        packet = protection.protect(self._headers[at].tobytes() + payload)
        try:
            if stream.secure_to is not None and stream.destination is not None:
                stream.secure_to.sendto(packet, stream.destination)
        except OSError:
            self._lost(at, at + 1)

    def _lost(self, first: int, end: int) -> None:
        self.failed += end - first
        for stream in self.streams[first:end]:
            stream.packets_before -= 1

    # Places.

    def _start(self, stream: Stream, run: Run) -> None:
        at = stream.at
        stream.running = run
        octets = packet_octets(self.ptime_ms)
        self._parts[at, 1]["octets"] = octets
        self._payloads[at] = run.address
        self._strides[at] = run.stride
        self._left[at] = run.packets

    def _put_type(self, stream: Stream, *, marker: bool) -> None:
        self._headers[stream.at]["type"] = stream.payload_type | (_MARKER if marker else 0)
        self._marked |= marker

    def _swap(self, one: int, other: int) -> None:
        if one == other:
            return
        for column in self._columns:
            column[[one, other]] = column[[other, one]]
        streams = self.streams
        streams[one], streams[other] = streams[other], streams[one]
        streams[one].at, streams[other].at = one, other

    def _make_room(self, room: int) -> None:
        self._headers = grown(getattr(self, "_headers", None), room, _HEADER)
        self._names: NDArray[np.uint8] = grown(getattr(self, "_names", None), room, np.uint8, LONGEST_NAME)
        self._sequence: NDArray[np.uint16] = grown(getattr(self, "_sequence", None), room, np.uint16)
        self._timestamp: NDArray[np.uint32] = grown(getattr(self, "_timestamp", None), room, np.uint32)
        self._packets: NDArray[np.uint32] = grown(getattr(self, "_packets", None), room, np.uint32)
        self._left: NDArray[np.int32] = grown(getattr(self, "_left", None), room, np.int32)
        self._strides: NDArray[np.uint64] = grown(getattr(self, "_strides", None), room, np.uint64)
        self._parts = grown(getattr(self, "_parts", None), room, PART, 2)
        self._messages = grown(getattr(self, "_messages", None), room, MESSAGE)
        self._room = room
        self._payloads = self._parts["base"][:, 1]
        # What stands at a place and moves with its stream; pointers to the place itself stay.
        self._columns: tuple[NDArray[Any], ...] = (
            self._headers,
            self._names,
            self._sequence,
            self._timestamp,
            self._packets,
            self._left,
            self._strides,
            self._payloads,
            self._messages["name_octets"],
        )
        places = np.arange(room, dtype=np.uint64)
        self._parts["base"][:, 0] = pointer(self._headers) + places * np.uint64(_HEADER.itemsize)
        self._parts["octets"][:, 0] = _HEADER.itemsize
        self._messages["name"] = pointer(self._names) + places * np.uint64(LONGEST_NAME)
        self._messages["parts"] = pointer(self._parts) + places * np.uint64(2 * PART.itemsize)
        self._messages["part_count"] = 2
        self._message_address = pointer(self._messages)


_OF_EARLIER_PACKETS = frozenset((errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN))


def _next_run(stream: Stream) -> Run:
    return next(stream.runs, SILENCE[stream.law])
