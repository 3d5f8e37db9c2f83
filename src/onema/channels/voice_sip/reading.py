"""Datagrams of many calls, read in one system call and counted in one go.

Nearly all that comes is audio, in order, from a source that is known: of that only figures are kept, so it is never
looked at one by one. What is not just that is handed on as it came.
"""

import socket
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onema.channels.voice_sip.datagrams import (
    LONGEST_NAME,
    MESSAGE,
    PART,
    Address,
    Many,
    address_of,
    grown,
    pointer,
    sockaddr,
)
from onema.protocols.rtp.statistics import Reception
from onema.speech.g711 import SAMPLE_RATE

AT_ONCE = 128
_LONGEST = 1500
"""What is longer is cut: nothing of its end is read."""
_TIME_OCTETS = 32
_SO_TIMESTAMPNS = 35
"""Linux; on the few machines where it is another number, packets are timed when they are read."""

_HEADER = np.dtype(
    [("first", "u1"), ("type", "u1"), ("sequence", ">u2"), ("timestamp", ">u4"), ("ssrc", ">u4")]
)
_CONTROL = np.dtype([("octets", "u8"), ("level", "i4"), ("type", "i4"), ("seconds", "i8"), ("ns", "i8")])
"""`struct cmsghdr` with a `struct timespec`."""
_SAMPLE_NS = 1_000_000_000 // SAMPLE_RATE
_VERSION = 0xC0
_SMALLEST = 12
_MAX_DROPOUT = 3000
_LATEST_PASS = 8


def stamp_arrivals(udp: socket.socket) -> None:
    """Let the kernel say when each datagram came: it may lie for 20 ms until it is read."""
    udp.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)


class Batch:
    """What one system call read. Valid until the next `read`."""

    def __init__(self, many: Many) -> None:
        self._many = many
        self.octets = np.zeros((AT_ONCE, _LONGEST), np.uint8)
        """Of each datagram; `lengths` says how many there are."""
        self._names = np.zeros((AT_ONCE, LONGEST_NAME), np.uint8)
        self._control = np.zeros(AT_ONCE, _CONTROL)
        self._parts = np.zeros(AT_ONCE, PART)
        self._messages = np.zeros(AT_ONCE, MESSAGE)
        places = np.arange(AT_ONCE, dtype=np.uint64)
        self._parts["base"] = pointer(self.octets) + places * np.uint64(_LONGEST)
        self._parts["octets"] = _LONGEST
        self._messages["name"] = pointer(self._names) + places * np.uint64(LONGEST_NAME)
        self._messages["parts"] = pointer(self._parts) + places * np.uint64(PART.itemsize)
        self._messages["part_count"] = 1
        self._messages["control"] = pointer(self._control) + places * np.uint64(_TIME_OCTETS)
        self._address = pointer(self._messages)
        self.count = AT_ONCE
        self.headers: NDArray[Any] = np.zeros(0, _HEADER)
        self.sources: NDArray[np.uint64] = np.zeros(0, np.uint64)
        """Where each came from: IPv4 address and port as one number."""
        self.lengths: NDArray[np.uint32] = np.zeros(0, np.uint32)

    def read(self, descriptor: int) -> int:
        """How many datagrams came. Raises OSError for what ICMP said of an earlier packet; reading again goes on."""
        count, self.count = self.count, 0
        if count:
            # What the last reading wrote into what the next one reads.
            self._messages["name_octets"][:count] = LONGEST_NAME
            self._messages["control_octets"][:count] = _TIME_OCTETS
            self._control["type"][:count] = 0
        try:
            self.count = self._many(descriptor, self._address, AT_ONCE)
        except BlockingIOError:
            return 0
        self.headers = self.octets[: self.count, :_SMALLEST].copy().view(_HEADER)[:, 0]
        self.sources = self._names[: self.count, :8].copy().view(np.uint64)[:, 0]
        self.lengths = self._messages["octets"][: self.count]
        return self.count

    def arrivals(self, now: int) -> NDArray[np.int64]:
        """When each came, in samples; `now`, in nanoseconds, where the kernel did not say."""
        samples: NDArray[np.int64] = self.times() // _SAMPLE_NS
        stamped = self._control["type"][: self.count] == _SO_TIMESTAMPNS
        if not stamped.all():
            samples[~stamped] = now // _SAMPLE_NS
        return samples

    def times(self) -> NDArray[np.int64]:
        """The kernel's stamps, in nanoseconds since 1970."""
        control = self._control[: self.count]
        times: NDArray[np.int64] = control["seconds"] * 1_000_000_000 + control["ns"]
        return times

    def datagram(self, number: int) -> bytes:
        return self.octets[number, : self._messages["octets"][number]].tobytes()

    def source(self, number: int) -> Address:
        return address_of(self._names[number].tobytes())


def source_number(address: Address) -> np.uint64:
    """What `Batch.sources` has for it."""
    return np.uint64(int.from_bytes(sockaddr(address, socket.AF_INET)[:8], sys.byteorder))


class Settled:
    """Sources that are known to send audio from one address. Theirs is counted here, not in their Reception, until
    they are taken back.
    """

    def __init__(self) -> None:
        self._sources: NDArray[np.uint64] = np.zeros(0, np.uint64)
        """In order."""
        self._rows: NDArray[np.intp] = np.zeros(0, np.intp)
        """Of each of them, its row below."""
        self._receptions: list[Reception | None] = []
        self._free: list[int] = []
        self._room = 0
        self._make_room(32)

    def __len__(self) -> int:
        return len(self._sources)

    def settle(self, source: np.uint64, reception: Reception, payload_type: int) -> None:
        """Count here what comes from there. The reception has had packets, and is valid."""
        if not self._free:
            self._make_room(2 * self._room)
        row = self._free.pop()
        at = int(np.searchsorted(self._sources, source))
        self._sources = np.insert(self._sources, at, source)
        self._rows = np.insert(self._rows, at, row)
        self._receptions[row] = reception
        self._ssrc[row] = reception.ssrc
        self._type[row] = payload_type
        self._highest[row] = reception.highest
        self._cycles[row] = reception.cycles
        self._received[row] = 0
        self._transit[row] = reception.transit or 0
        self._jitter[row] = reception.jitter

    def take_back(self, source: np.uint64) -> None:
        """Give the reception what was counted here, and count no more of it. Nothing if it is not here."""
        at = int(np.searchsorted(self._sources, source))
        if at == len(self._sources) or self._sources[at] != source:
            return
        row = int(self._rows[at])
        self._sources = np.delete(self._sources, at)
        self._rows = np.delete(self._rows, at)
        reception, self._receptions[row] = self._receptions[row], None
        self._free.append(row)
        if reception is not None:
            reception.highest = int(self._highest[row])
            reception.cycles = int(self._cycles[row])
            reception.received += int(self._received[row])
            reception.in_all += int(self._received[row])
            reception.transit = int(self._transit[row])
            reception.jitter = float(self._jitter[row])

    def count(self, batch: Batch, arrivals: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Count the audio that came in order; says which of the batch that was."""
        counted = np.zeros(batch.count, np.bool_)
        if not len(self._sources):
            return counted
        headers, sources = batch.headers, batch.sources
        places = self._sources.searchsorted(sources)
        places[places == len(self._sources)] = 0
        rows = self._rows[places]
        usual = self._sources[places] == sources
        usual &= headers["first"] & _VERSION == 0x80
        usual &= headers["type"] & 0x7F == self._type[rows]
        usual &= headers["ssrc"] == self._ssrc[rows]
        usual &= batch.lengths >= _SMALLEST
        # Several of one source are counted one after the other: of each pass the first of every source.
        for _ in range(_LATEST_PASS):
            (waiting,) = usual.nonzero()
            if not len(waiting):
                break
            first = waiting[self._are_first(rows[waiting])]
            in_order = self._count_one_each(rows[first], headers[first], arrivals[first])
            counted[first[in_order]] = True
            usual[first] = False
            if not in_order.all():
                # What comes after something unusual waits until that was looked at.
                usual &= ~np.isin(rows, rows[first[~in_order]])
        return counted

    def _are_first(self, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Of equal ones only the first is: assigning backwards, the first is assigned last."""
        places = np.arange(len(rows), dtype=np.intp)
        self._place[rows[::-1]] = places[::-1]
        first: NDArray[np.bool_] = self._place[rows] == places
        return first

    def _count_one_each(
        self, rows: NDArray[np.intp], headers: NDArray[Any], arrivals: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """RFC 3550 A.1 and A.8 of packets that come next, at most one of each source; says which do."""
        sequences = headers["sequence"].astype(np.uint16)
        ahead = sequences - self._highest[rows]
        # 0 is a repeated one, and wraps to the largest.
        in_order: NDArray[np.bool_] = ahead - np.uint16(1) < _MAX_DROPOUT - 1
        if not in_order.all():
            rows, sequences = rows[in_order], sequences[in_order]
            headers, arrivals = headers[in_order], arrivals[in_order]
        wrapped = sequences < self._highest[rows]
        if wrapped.any():
            self._cycles[rows[wrapped]] += 65_536
        self._highest[rows] = sequences
        self._received[rows] += 1
        transit = arrivals.astype(np.uint32) - headers["timestamp"].astype(np.uint32)
        difference = transit - self._transit[rows]
        self._transit[rows] = transit
        deviation = np.minimum(difference, np.uint32(0) - difference)
        self._jitter[rows] += (deviation - self._jitter[rows]) / 16
        return in_order

    def _make_room(self, room: int) -> None:
        self._ssrc: NDArray[np.uint32] = grown(getattr(self, "_ssrc", None), room, np.uint32)
        self._type: NDArray[np.uint8] = grown(getattr(self, "_type", None), room, np.uint8)
        self._highest: NDArray[np.uint16] = grown(getattr(self, "_highest", None), room, np.uint16)
        self._cycles: NDArray[np.int64] = grown(getattr(self, "_cycles", None), room, np.int64)
        self._received: NDArray[np.int64] = grown(getattr(self, "_received", None), room, np.int64)
        self._transit: NDArray[np.uint32] = grown(getattr(self, "_transit", None), room, np.uint32)
        self._jitter: NDArray[np.float64] = grown(getattr(self, "_jitter", None), room, np.float64)
        self._place = np.zeros(room, np.intp)
        """Room to work in."""
        self._free += range(room - 1, self._room - 1, -1)
        self._receptions += [None] * (room - self._room)
        self._room = room
