"""Streams that are due at the same moment, sent in one system call.

A Slice keeps what changes from packet to packet in arrays, one place a stream: the header's first words, where the next
payload lies, and for how many packets nothing else happens. They advance for all its streams at once, and the C library
reads them where they are. Streams that are silent (held, or without a destination) stand behind those that send, so
that one call sends the first so many.
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

_HEADER = np.dtype([("words", ">u8"), ("ssrc", ">u4")])
"""RFC 3550 §5.1, without CSRC and extension; `words` is all before SSRC: version, marker, type, numbers."""
_VERSION_2 = 1 << 63
_MARKER = 1 << 55
_ONE_PACKET = 1 << 32
_TIMESTAMPS = 1 << 32
_SEQUENCES = 1 << 16
_SAMPLES_PER_MS = 8
_FIRST_ROOM = 32


class Stream:
    """What one call sends."""

    def __init__(self, call: int, ssrc: int, sequence: int, timestamp: int) -> None:
        self.call: Final = call
        self.ssrc: Final = ssrc
        self.first_sequence = sequence
        self.first_timestamp = timestamp
        """Of the packet from which `quiet` counts, or of the next one."""
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
        """Sent until it last began to send, less those that the system did not take."""
        self.sends_since = 0
        """At which of its slice's turns it last began to send."""
        self.silent_since = 0
        """At which of its slice's periods it last fell silent."""
        self.begins = True
        """Whether its next packet begins a talkspurt, and has the marker bit (RFC 3551 §4.1)."""
        self.quiet = 0
        """For how many packets from the first on nothing else happens than that they are sent."""
        self.packets_left = 0
        """Of its run, after those."""
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
        self._step = np.uint64(_ONE_PACKET + self._samples)
        self.streams: list[Stream] = []
        self._sending = 0
        """How many of them send; they stand first."""
        self._marked = False
        """Whether a header of those that send has the marker bit."""
        self._turns = 0
        """How often packets were sent."""
        self._periods = 0
        """How many packets' times passed, missed ones included."""
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
        self._headers[at]["ssrc"] = stream.ssrc
        self._messages[at]["name_octets"] = NAME_OCTETS[stream.family]
        self._names[at, : len(name)] = np.frombuffer(name, np.uint8)
        self._left[at] = stream.quiet = 0
        stream.silent_since = self._periods
        self.begin(stream)
        if sends and name:
            self.sound(stream)

    def leave(self, stream: Stream) -> None:
        """Take a stream out; what it needs to go on elsewhere is in the stream."""
        self.silence(stream)
        stream.first_sequence, stream.first_timestamp = self._numbers(stream)
        self._swap(stream.at, len(self.streams) - 1)
        self.streams.pop()
        stream.slice = None

    def silence(self, stream: Stream) -> None:
        """Send nothing of it for now. Its clock goes on; what it plays waits."""
        if self.sends(stream):
            stream.packets_before = self.packets(stream)
            stream.silent_since = self._periods
            self._sending -= 1
            self._swap(stream.at, self._sending)

    def sound(self, stream: Stream) -> None:
        """Send it again, if it has a destination: its next packet begins a talkspurt."""
        if self.sends(stream) or stream.destination is None:
            return
        stream.begins = True
        self._reckon(stream, *self._numbers(stream), self._packets_left(stream))
        stream.sends_since = self._turns
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
        return stream.packets_before + (self._turns - stream.sends_since if self.sends(stream) else 0)

    def timestamp(self, stream: Stream) -> int:
        """That of its next packet."""
        return self._numbers(stream)[1]

    def header(self, stream: Stream) -> bytes:
        """That of its next packet."""
        return bytes(self._headers[stream.at])

    def octets_played(self, stream: Stream) -> int:
        """Of the run that it is in; 0 of silence."""
        run = stream.running
        return (run.packets - self._packets_left(stream)) * run.stride

    # Time passes.

    def turn(self, now: int) -> None:
        """Send what is due. After a stall of one or more packets' time nothing is sent twice as fast: timestamps skip
        what was missed, sequence numbers and audio do not, so that the far end hears a pause and no digit is lost.
        """
        missed = (now - self.due) // self._period
        self.due += (missed + 1) * self._period
        sending = self._sending
        if missed > 0:
            self._skip(missed)
        self._periods += 1
        if not sending:
            return
        if self._shared:
            self._send(self.streams[0].descriptor, 0, sending)
        else:
            for stream in self.streams[:sending]:
                if stream.protection is None:
                    self._send(stream.descriptor, stream.at, 1)
                else:
                    self._send_protected(stream, stream.protection)
        self._advance(sending)

    def _advance(self, sending: int) -> None:
        self._turns += 1
        words = self._words[:sending]
        if self._marked:
            words &= ~np.uint64(_MARKER)
            self._marked = False
            for stream in self.streams[:sending]:
                stream.begins = False
        words += self._step
        self._header_words[:sending] = words
        self._payloads[:sending] += self._strides[:sending]
        left = self._left[:sending]
        left -= 1
        if not left.all():
            for at in (left == 0).nonzero()[0].tolist():
                self._something_else(self.streams[at])

    def _something_else(self, stream: Stream) -> None:
        """Its numbers wrapped, or its run is over."""
        sequence = stream.first_sequence + stream.quiet
        timestamp = stream.first_timestamp + stream.quiet * self._samples
        if sequence >= _SEQUENCES or timestamp >= _TIMESTAMPS:
            self._reckon(stream, sequence, timestamp, stream.packets_left)
            if stream.packets_left or stream.quiet:
                return
            sequence, timestamp = stream.first_sequence, stream.first_timestamp
        self._go_on(stream)
        run, at = stream.running, stream.at
        self._payloads[at], self._strides[at] = run.address, run.stride
        stream.first_sequence, stream.first_timestamp = sequence, timestamp
        self._left[at] = stream.quiet = min(run.packets, self._until_wrap(sequence, timestamp))
        stream.packets_left = run.packets - stream.quiet

    def _skip(self, missed: int) -> None:
        for stream in self.streams[: self._sending]:
            sequence, timestamp = self._numbers(stream)
            stream.begins = True
            self._reckon(stream, sequence, timestamp + missed * self._samples, self._packets_left(stream))
        self._periods += missed

    def _go_on(self, stream: Stream) -> None:
        run = _next_run(stream)
        if stream.programme is not None:
            if run.stride == 0:
                stream.programme = None
                self._played(stream)
            else:
                stream.programme.sent_octets += stream.running.audio.octets
        stream.running = run

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
        self._parts[at, 1]["octets"] = packet_octets(self.ptime_ms)
        self._payloads[at] = run.address
        self._strides[at] = run.stride
        self._reckon(stream, *self._numbers(stream), run.packets)

    def _reckon(self, stream: Stream, sequence: int, timestamp: int, packets: int) -> None:
        """Let its next packet have these numbers, and reckon for how many of `packets` they do nothing but rise: where
        one wraps, it would run over into what stands before it.
        """
        at, sequence, timestamp = stream.at, sequence % _SEQUENCES, timestamp % _TIMESTAMPS
        words = _VERSION_2 | stream.payload_type << 48 | sequence << 32 | timestamp
        if stream.begins:
            words |= _MARKER
            self._marked = True
        self._words[at] = self._header_words[at] = words
        stream.first_sequence, stream.first_timestamp = sequence, timestamp
        if not self.sends(stream):
            stream.silent_since = self._periods
        self._left[at] = stream.quiet = min(packets, self._until_wrap(sequence, timestamp))
        stream.packets_left = packets - stream.quiet

    def _until_wrap(self, sequence: int, timestamp: int) -> int:
        """How many packets until one of them runs over."""
        return min(_SEQUENCES - sequence, -(-(_TIMESTAMPS - timestamp) // self._samples))

    def _packets_left(self, stream: Stream) -> int:
        """Of its run."""
        return stream.packets_left + int(self._left[stream.at])

    def _numbers(self, stream: Stream) -> tuple[int, int]:
        """The sequence number and the timestamp of its next packet."""
        sent = stream.quiet - int(self._left[stream.at])
        passed = sent if self.sends(stream) else sent + self._periods - stream.silent_since
        timestamp = stream.first_timestamp + passed * self._samples
        return (stream.first_sequence + sent) % _SEQUENCES, timestamp % _TIMESTAMPS

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
        self._header_words = self._headers["words"]
        self._words: NDArray[np.uint64] = grown(getattr(self, "_words", None), room, np.uint64)
        """The same in the machine's order: what is reckoned with."""
        self._names: NDArray[np.uint8] = grown(getattr(self, "_names", None), room, np.uint8, LONGEST_NAME)
        self._left: NDArray[np.int32] = grown(getattr(self, "_left", None), room, np.int32)
        self._strides: NDArray[np.uint64] = grown(getattr(self, "_strides", None), room, np.uint64)
        self._parts = grown(getattr(self, "_parts", None), room, PART, 2)
        self._messages = grown(getattr(self, "_messages", None), room, MESSAGE)
        self._room = room
        self._payloads = self._parts["base"][:, 1]
        # What stands at a place and moves with its stream; pointers to the place itself stay.
        self._columns: tuple[NDArray[Any], ...] = (
            self._headers,
            self._words,
            self._names,
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
