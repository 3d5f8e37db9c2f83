"""Whose call a datagram belongs to, and what it says.

Nobody signs RTP, so where a datagram comes from is all that is known of who sent it. The rule:

1. A datagram belongs to the call whose far end named its source as its media address (`Far.address`, or `Far.rtcp`).
   An address that two calls on one port have been named belongs to neither: they can be told apart only on ports of
   their own.
2. Behind a NAT the far end cannot know its address. So as long as nothing came from the address that it named, a call
   takes another source for it (latches), once: on that address's host, or on one of `Far.may_come_from`, which is where
   its signalling comes from, but none that it left by a re-INVITE; only for two packets in order, of one SSRC, with the
   payload type that was negotiated; and on a shared port only if no other call could be meant. What we send goes there
   from then on (RFC 4961). When the named address speaks after all, it wins.
3. A report is taken from any port of these hosts if it is about our SSRC, which a stranger would have to guess; ours
   go back there.
4. Everything else is dropped, and changes nothing: no key, no figure, no address.
"""

import errno
import socket
from collections.abc import Callable
from typing import Final

import numpy as np

from onema.channels.voice_sip.datagrams import Address
from onema.channels.voice_sip.listeners import Far, Listener
from onema.channels.voice_sip.ports import Pair
from onema.channels.voice_sip.reading import AT_ONCE, Batch, Settled, source_number, stamp_arrivals
from onema.protocols.rtp import packets, rtcp
from onema.protocols.rtp.first_octet import Kind, kind_of
from onema.protocols.rtp.packets import Packet
from onema.protocols.rtp.statistics import Reception
from onema.speech.g711 import SAMPLE_RATE

_LONGEST_DATAGRAM = 2048
_READ_AT_ONCE = 512
"""How many datagrams of a socket are read before others have their turn."""
_LOOKED_AT_AT_ONCE = 256
"""Of those, how many are looked at one by one; of a flood the rest is dropped unread."""
_STRANGERS_AT_ONCE = 32
"""The same of sources that nobody named."""
_OF_ONE_CALL_AT_ONCE = 16
_PROBES = 8
"""How many unknown sources of a call are remembered."""


class Heard:
    """What a port tells of its calls, in the thread that reads it."""

    def __init__(
        self,
        *,
        key: Callable[[Listener, str], None],
        first: Callable[[Listener], None],
        latched: Callable[[Listener, Address], None],
        refused: Callable[[Listener], None],
        listens: Callable[[Listener], None],
    ) -> None:
        """`first` is its first packet, `refused` one of ours that came back, `listens` a sign of life of a deaf one."""
        self.key = key
        self.first = first
        self.latched = latched
        self.refused = refused
        self.listens = listens


class Port:
    """A pair of sockets, shared by calls or of one call alone."""

    def __init__(self, pair: Pair, heard: Heard, wall: Callable[[], int], batch: Batch | None = None) -> None:
        """`wall` is the time in nanoseconds since 1970; with a batch, datagrams of IPv4 are read many at once."""
        self.pair: Final = pair
        self._heard = heard
        self._wall = wall
        self._batch = batch if pair.rtp.family == socket.AF_INET else None
        if self._batch is not None:
            stamp_arrivals(pair.rtp)
        self._settled = Settled()
        self._buffer = bytearray(_LONGEST_DATAGRAM)
        self.calls: set[Listener] = set()
        self.looked_at = 0
        """How many datagrams were looked at one by one."""
        self._sources: dict[Address, set[Listener]] = {}
        """By where RTP may come from; an address of two calls is nobody's."""
        self._numbers: np.ndarray[tuple[int], np.dtype[np.uint64]] | None = None
        """The same as numbers; None when they changed."""
        self._by_ssrc: dict[int, Listener] = {}
        """By our own SSRC."""

    # Calls come and go.

    def add(self, listener: Listener) -> None:
        self.calls.add(listener)
        self._by_ssrc[listener.stream.ssrc] = listener

    def remove(self, listener: Listener) -> None:
        """Its figures are final then."""
        self._forget_sources(listener)
        self.calls.discard(listener)
        self._by_ssrc.pop(listener.stream.ssrc, None)

    def name(self, listener: Listener, far: Far) -> None:
        """From now on `far` is the far end. What has come before must have been read."""
        moved = listener.far is None or listener.far.address != far.address
        self._forget_sources(listener)
        if moved:
            listener.left |= self._sources_of(listener) - {far.address}
            listener.latched = None
            listener.named_spoke = False
            listener.reports_from = None
            listener.probes.clear()
        listener.far = far
        listener.keys.payload_type = far.event_type
        self._expect(listener, far)

    def settle_accounts(self, listener: Listener) -> None:
        """Bring the listener's reception up to date."""
        for source in self._sources_of(listener):
            self._take_back(source)

    def _expect(self, listener: Listener, far: Far) -> None:
        for address in {far.address, listener.latched or far.address}:
            self._take_back(address)
            self._sources.setdefault(address, set()).add(listener)
        self._numbers = None

    def _forget_sources(self, listener: Listener) -> None:
        for address in self._sources_of(listener):
            self._take_back(address)
            known = self._sources.get(address, set())
            known.discard(listener)
            if not known:
                self._sources.pop(address, None)
        self._numbers = None

    def _sources_of(self, listener: Listener) -> set[Address]:
        named = listener.far.address if listener.far else None
        return {address for address in (named, listener.latched) if address is not None}

    # Datagrams come.

    def discard(self) -> None:
        """Read what came, and forget it."""
        for udp in self.pair[:2]:
            self._read(udp, lambda *_: None, 0)

    def drain(self, now: int) -> None:
        """Read what came; `now` is in nanoseconds."""
        if self._batch is None:
            self._read(self.pair.rtp, self._take_datagram, _samples(now))
        else:
            self._read_many(self._batch, now)

    def read_some(self, now: int) -> None:
        """Read a few: for whoever was told that something is there, and will be told again."""
        if not self._read(self.pair.rtp, self._take_datagram, _samples(now), at_most=_OF_ONE_CALL_AT_ONCE):
            self.read_refusals()

    def drain_reports(self, now: int) -> None:
        """Read what came on the port of RTCP."""
        self._read(self.pair.rtcp, self._take_report, now)

    def _read(
        self,
        udp: socket.socket,
        take: Callable[[bytes, Address, int], None],
        now: int,
        *,
        at_most: int = _LOOKED_AT_AT_ONCE,
    ) -> int:
        """How many were read."""
        count = 0
        for _ in range(at_most):
            try:
                octets, source = udp.recvfrom_into(self._buffer)
            except BlockingIOError:
                break
            except OSError:
                # ICMP said something of a packet of ours; what came lies behind it.
                if udp is self.pair.rtp:
                    self.read_refusals()
                continue
            take(bytes(memoryview(self._buffer)[:octets]), (source[0], source[1]), now)
            count += 1
        return count

    def _read_many(self, batch: Batch, now: int) -> None:
        looked_at = strangers = 0
        for _ in range(_READ_AT_ONCE // AT_ONCE):
            try:
                came = batch.read(self.pair.rtp.fileno())
            except OSError:
                self.read_refusals()
                continue
            if not came:
                return
            arrivals = batch.arrivals(now)
            others = np.flatnonzero(~self._settled.count(batch, arrivals))
            if len(others):
                is_known = np.isin(batch.sources[others], self._known_numbers())
                known = others[is_known][: _LOOKED_AT_AT_ONCE - looked_at]
                unknown = others[~is_known][: _STRANGERS_AT_ONCE - strangers]
                looked_at, strangers = looked_at + len(known), strangers + len(unknown)
                for number in np.sort(np.concatenate((known, unknown))).tolist():
                    self._take_datagram(batch.datagram(number), batch.source(number), int(arrivals[number]))
            if came < AT_ONCE:
                return

    def _known_numbers(self) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
        if self._numbers is None:
            self._numbers = np.array([source_number(source) for source in self._sources], np.uint64)
        return self._numbers

    def read_refusals(self) -> None:
        """ICMP says which packets could not be delivered by where they went (IP_RECVERR, ip(7)).

        Sending or reading fails once when there is something to read here.
        """
        for _ in range(_LOOKED_AT_AT_ONCE):
            try:
                _, _, _, destination = self.pair.rtp.recvmsg(1, 0, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT)
            except OSError as error:
                if error.errno == errno.EAGAIN:
                    return
                continue
            for listener in self._sources.get((destination[0], destination[1]), ()):
                listener.refusals += 1
                self._heard.refused(listener)

    # What they are.

    def _take_datagram(self, datagram: bytes, source: Address, arrival: int) -> None:
        self.looked_at += 1
        kind = kind_of(datagram)
        if kind is Kind.RTCP:
            self._take_report(datagram, source, 0)
        elif kind is Kind.RTP and (clear := self._in_clear(datagram, source)) is not None:
            packet = packets.parse(clear)
            if packet is not None:
                self._take(packet, source, arrival)

    def _in_clear(self, datagram: bytes, source: Address) -> bytes | None:
        """None for what the call's key did not make, so that nobody else's packets are believed or latched to."""
        known = self._sources.get(source) or {one for one in self.calls if _may_latch(one, source)}
        if len(known) != 1:
            return datagram
        (listener,) = known
        protection = listener.far.protection if listener.far else None
        return datagram if protection is None else protection.unprotect(datagram)

    def _take(self, packet: Packet, source: Address, arrival: int) -> None:
        known = self._sources.get(source)
        if known is None:
            self._probe(packet, source, arrival)
            return
        if len(known) != 1:
            return
        (listener,) = known
        far = listener.far
        if far is None:
            return
        if source == far.address and not listener.named_spoke:
            listener.named_spoke = True
            listener.probes.clear()
            if listener.latched is not None:
                self._latch(listener, far, source)
        self._hear(listener, far, packet, source, arrival)

    def _hear(self, listener: Listener, far: Far, packet: Packet, source: Address, arrival: int) -> None:
        self._take_back(source)
        reception = listener.reception
        if reception is None:
            self._heard.first(listener)
        if reception is None or reception.ssrc != packet.ssrc:
            if reception is not None:
                listener.lost_before += reception.lost
                listener.received_before += reception.in_all
            reception = listener.reception = Reception(packet.ssrc)
        listener.refusals = 0
        if listener.is_deaf:
            self._heard.listens(listener)
        is_event = packet.payload_type == far.event_type
        reception.receive(packet.sequence, packet.timestamp, None if is_event else arrival)
        if is_event:
            key = listener.keys.receive(packet)
            if key is not None:
                self._heard.key(listener, key)
        elif self._is_usual(reception, far, packet):
            self._settled.settle(source_number(source), reception, far.payload_type)

    def _is_usual(self, reception: Reception, far: Far, packet: Packet) -> bool:
        """Whether what comes like this needs no look any more. What is secret must all be opened, to be believed."""
        readable = self._batch is not None and far.protection is None
        return readable and reception.is_valid and packet.payload_type == far.payload_type

    def _take_back(self, source: Address) -> None:
        if self._batch is not None:
            self._settled.take_back(source_number(source))

    # The rule for sources that nobody named.

    def _probe(self, packet: Packet, source: Address, arrival: int) -> None:
        meant = [listener for listener in self.calls if _may_latch(listener, source)]
        if len(meant) != 1:
            return
        (listener,) = meant
        far = listener.far
        if far is None or packet.payload_type not in (far.payload_type, far.event_type):
            return
        probe = listener.probes.get(source)
        if probe is None or probe.ssrc != packet.ssrc:
            if len(listener.probes) >= _PROBES:
                listener.probes.clear()
            probe = listener.probes[source] = Reception(packet.ssrc)
        probe.receive(packet.sequence, packet.timestamp, None)
        if probe.is_valid:
            listener.probes.clear()
            self._latch(listener, far, source)
            self._hear(listener, far, packet, source, arrival)

    def _latch(self, listener: Listener, far: Far, source: Address) -> None:
        self._forget_sources(listener)
        listener.latched = None if source == far.address else source
        self._expect(listener, far)
        self._heard.latched(listener, source)

    # Reports.

    def _take_report(self, datagram: bytes, source: Address, now: int) -> None:
        if kind_of(datagram) is not Kind.RTCP:
            return
        secret_of, datagram = self._report_in_clear(datagram, source)
        for report in rtcp.parse(datagram):
            if isinstance(report, rtcp.Goodbye):
                # The signalling says when a call ends.
                continue
            for block in report.blocks:
                listener = self._by_ssrc.get(block.ssrc)
                if listener is None or source[0] not in listener.hosts():
                    continue
                if secret_of is listener or listener.far is None or listener.far.protection is None:
                    self._believe(listener, report, block, source)

    def _report_in_clear(self, datagram: bytes, source: Address) -> tuple[Listener | None, bytes]:
        """The report, and whose key opened it; None where it came in clear."""
        for listener in self.calls:
            protection = listener.far.protection if listener.far else None
            if protection is not None and source[0] in listener.hosts():
                clear = protection.unprotect_report(datagram)
                if clear is not None:
                    return listener, clear
        return None, datagram

    def _believe(
        self,
        listener: Listener,
        report: rtcp.SenderReport | rtcp.ReceiverReport,
        block: rtcp.Block,
        source: Address,
    ) -> None:
        ntp = rtcp.ntp_time(self._wall())
        listener.block = block
        listener.reports_from = source
        listener.round_trip_ms = rtcp.round_trip_ms(block, ntp)
        if isinstance(report, rtcp.SenderReport):
            listener.their_report = report.ssrc, rtcp.middle(report.ntp), rtcp.middle(ntp)


def _samples(ns: int) -> int:
    return ns * SAMPLE_RATE // 1_000_000_000


def _may_latch(listener: Listener, source: Address) -> bool:
    is_silent = not listener.named_spoke and listener.latched is None
    return is_silent and source[0] in listener.hosts() and source not in listener.left
