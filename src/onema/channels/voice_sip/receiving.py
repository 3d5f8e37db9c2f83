"""Whose call a datagram belongs to, and what it says.

Nobody signs RTP, so where a datagram comes from is all that is known of who sent it. The rule:

1. A datagram belongs to the call whose far end named its source as its media address (`Far.address`, or `Far.rtcp`).
   An address that two calls on one port have been named belongs to neither: they can be told apart only on ports of
   their own.
2. Behind a NAT the far end cannot know its address. So as long as nothing came from the address that it named, a call
   takes another source for it (latches), once: on that address's host, or on one of `Far.may_come_from`, which is where
   its signalling comes from; only for two packets in order, of one SSRC, with the payload type that was negotiated; and
   on a shared port only if no other call could be meant. What we send goes there from then on (RFC 4961). When the
   named address speaks after all, it wins.
3. A report is taken from any port of these hosts if it is about our SSRC, which a stranger would have to guess.
4. Everything else is dropped, and changes nothing: no key, no figure, no address.
"""

import socket
from collections.abc import Callable
from typing import Final

import msgspec

from onema.channels.voice_sip.datagrams import Address
from onema.channels.voice_sip.ports import Pair
from onema.channels.voice_sip.sending import Stream
from onema.protocols.rtp import packets, rtcp
from onema.protocols.rtp.events import KeyHearing
from onema.protocols.rtp.first_octet import Kind, kind_of
from onema.protocols.rtp.packets import Packet
from onema.protocols.rtp.statistics import Reception
from onema.speech.g711 import SAMPLE_RATE, Law

_LONGEST_DATAGRAM = 2048
_AT_ONCE = 512
"""How many datagrams of a socket are read before others have their turn."""
_PROBES = 8
"""How many unknown sources of a call are remembered."""


class Far(msgspec.Struct, frozen=True, kw_only=True):
    """The far end's side of a call, as its SDP and the trunk's settings say."""

    address: Address
    """Where it wants its RTP. A numeric host."""
    rtcp: Address | None = None
    """Where it wants reports; None sends none. With RTCP on the port of RTP (RFC 5761) the same as `address`."""
    law: Law = Law.PCMU
    payload_type: int = 0
    """Of `law`."""
    event_type: int | None = None
    """Of telephone-event; None hears no keys."""
    ptime_ms: int = 20
    listens: bool = True
    """False while it holds the call (`sendonly`, `inactive`, address 0.0.0.0): nothing is sent."""
    may_come_from: tuple[str, ...] = ()
    """Hosts from which its media may come instead of from `address`: that of its signalling."""


class MediaFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What was sent and what came in a call."""

    packets_sent: int = 0
    packets_received: int = 0
    packets_lost: int = 0
    """Of ours, as the far end reported it (RFC 3550 §6.4.1); 0 where it reported nothing."""
    jitter_ms: float = 0.0
    """Of ours, as the far end reported it last."""
    round_trip_ms: float | None = None
    """As its last report let us reckon it."""
    lost_of_theirs: int = 0
    jitter_of_theirs_ms: float = 0.0


class Listener:
    """What is heard of one call. What it hears that others must know, it tells `Heard`."""

    def __init__(self, call: int, stream: Stream, port: "Port") -> None:
        self.call: Final = call
        self.stream: Final = stream
        self.port: Final = port
        self.far: Far | None = None
        """None before the far end named an address."""
        self.latched: Address | None = None
        self.named_spoke = False
        """Whether anything came from the named address since it was named."""
        self.keys = KeyHearing(None)
        self.reception: Reception | None = None
        """Of the source that spoke last."""
        self.received = 0
        self.lost_before = 0
        """By sources before that one."""
        self.block: rtcp.Block | None = None
        """The far end's last words on what it got from us."""
        self.round_trip_ms: float | None = None
        self.last_sender_report: tuple[int, int] | None = None
        """The middle of the NTP time of the far end's last, and when it came, in nanoseconds."""
        self.probes: dict[Address, Reception] = {}
        """Sources that may become the latched one."""

    def hosts(self) -> set[str]:
        if self.far is None:
            return set()
        hosts = {self.far.address[0], *self.far.may_come_from}
        if self.far.rtcp is not None:
            hosts.add(self.far.rtcp[0])
        return hosts

    def figures(self, packets_sent: int) -> MediaFigures:
        reception, block = self.reception, self.block
        per_ms = SAMPLE_RATE / 1000
        return MediaFigures(
            packets_sent=packets_sent,
            packets_received=self.received,
            packets_lost=max(block.lost, 0) if block else 0,
            jitter_ms=block.jitter / per_ms if block else 0.0,
            round_trip_ms=self.round_trip_ms,
            lost_of_theirs=max(self.lost_before + (reception.lost if reception else 0), 0),
            jitter_of_theirs_ms=reception.jitter / per_ms if reception else 0.0,
        )


class Heard:
    """What a port tells of its calls, from the thread that reads it."""

    def __init__(
        self,
        *,
        key: Callable[[Listener, str], None],
        first: Callable[[Listener], None],
        latched: Callable[[Listener, Address], None],
    ) -> None:
        self.key = key
        self.first = first
        self.latched = latched


class Port:
    """A pair of sockets, shared by calls or of one call alone."""

    def __init__(self, pair: Pair, heard: Heard) -> None:
        self.pair: Final = pair
        self._heard = heard
        self._buffer = bytearray(_LONGEST_DATAGRAM)
        self.calls: set[Listener] = set()
        self._named: dict[Address, set[Listener]] = {}
        """By where RTP may come from; an address with two calls is nobody's."""
        self._by_ssrc: dict[int, Listener] = {}
        """By our own SSRC."""

    def add(self, listener: Listener) -> None:
        self.calls.add(listener)
        self._by_ssrc[listener.stream.ssrc] = listener

    def remove(self, listener: Listener) -> None:
        self._forget_addresses(listener)
        self.calls.discard(listener)
        self._by_ssrc.pop(listener.stream.ssrc, None)

    def name(self, listener: Listener, far: Far) -> None:
        """From now on `far` is the far end. What has come until now is read first, by what was known until now."""
        address_before = listener.far.address if listener.far is not None else None
        if address_before != far.address:
            self._forget_addresses(listener)
            listener.latched = None
            listener.named_spoke = False
            self._named.setdefault(far.address, set()).add(listener)
        listener.far = far
        listener.keys.payload_type = far.event_type

    def drain(self, now: int) -> None:
        """Read what came; `now` is in nanoseconds."""
        self._drain(self.pair.rtp, self._rtp_port, now)

    def discard(self) -> None:
        """Read what came, and forget it."""
        for udp in self.pair[:2]:
            self._drain(udp, lambda *_: None, 0)

    def drain_reports(self, now: int) -> None:
        self._drain(self.pair.rtcp, self._rtcp_port, now)

    def _drain(self, udp: socket.socket, take: Callable[[bytes, Address, int], None], now: int) -> None:
        for _ in range(_AT_ONCE):
            try:
                octets, source = udp.recvfrom_into(self._buffer)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                # ICMP's answer to a packet of ours; the next datagram is read all the same.
                continue
            take(bytes(self._buffer[:octets]), (source[0], source[1]), now)

    def _rtcp_port(self, datagram: bytes, source: Address, now: int) -> None:
        if kind_of(datagram) is Kind.RTCP:
            self.take_reports(datagram, source, now)

    def _rtp_port(self, datagram: bytes, source: Address, now: int) -> None:
        kind = kind_of(datagram)
        if kind is Kind.RTCP:
            self.take_reports(datagram, source, now)
        elif kind is Kind.RTP:
            packet = packets.parse(datagram)
            if packet is not None:
                self.take(packet, source, now)

    def take(self, packet: Packet, source: Address, now: int) -> None:
        named = self._named.get(source)
        if named is None:
            self._probe(packet, source, now)
            return
        if len(named) != 1:
            return
        (listener,) = named
        far = listener.far
        if far is None:
            return
        if source == far.address and not listener.named_spoke:
            listener.named_spoke = True
            listener.probes.clear()
            if listener.latched is not None:
                self._latch(listener, far, source)
        self._hear(listener, far, packet, now)

    def _hear(self, listener: Listener, far: Far, packet: Packet, now: int) -> None:
        if packet.payload_type == far.event_type:
            key = listener.keys.receive(packet)
            if key is not None:
                self._heard.key(listener, key)
        reception = listener.reception
        if reception is None or reception.ssrc != packet.ssrc:
            if reception is not None:
                listener.lost_before += reception.lost
            reception = listener.reception = Reception(packet.ssrc)
        if not listener.received:
            self._heard.first(listener)
        listener.received += 1
        # Packets of one event share a timestamp (RFC 4733 §2.2.2): of them jitter cannot be told.
        arrival = now * SAMPLE_RATE // 1_000_000_000
        if packet.payload_type == far.event_type:
            arrival = packet.timestamp
        reception.receive(packet.sequence, packet.timestamp, arrival)

    def _probe(self, packet: Packet, source: Address, now: int) -> None:
        meant = [
            listener
            for listener in self.calls
            if not listener.named_spoke and listener.latched is None and source[0] in listener.hosts()
        ]
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
        probe.receive(packet.sequence, packet.timestamp, now * SAMPLE_RATE // 1_000_000_000)
        if probe.is_valid:
            listener.probes.clear()
            self._latch(listener, far, source)
            self._hear(listener, far, packet, now)

    def _latch(self, listener: Listener, far: Far, source: Address) -> None:
        self._forget_addresses(listener)
        self._named.setdefault(far.address, set()).add(listener)
        listener.latched = None if source == far.address else source
        if listener.latched is not None:
            self._named.setdefault(source, set()).add(listener)
        self._heard.latched(listener, source)

    def _forget_addresses(self, listener: Listener) -> None:
        for address in (listener.latched, listener.far.address if listener.far else None):
            if address is not None and address in self._named:
                self._named[address].discard(listener)
                if not self._named[address]:
                    del self._named[address]

    def take_reports(self, datagram: bytes, source: Address, now: int) -> None:
        for report in rtcp.parse(datagram):
            if isinstance(report, rtcp.Goodbye):
                # The signalling says when a call ends.
                continue
            for block in report.blocks:
                listener = self._by_ssrc.get(block.ssrc)
                if listener is None or source[0] not in listener.hosts():
                    continue
                listener.block = block
                listener.round_trip_ms = rtcp.round_trip_ms(block, rtcp.ntp_time(now))
            if isinstance(report, rtcp.SenderReport):
                self._remember(report, source, now)

    def _remember(self, report: rtcp.SenderReport, source: Address, now: int) -> None:
        """So that our next report says when its last came."""
        for listener in self.calls:
            if (
                listener.reception is not None
                and listener.reception.ssrc == report.ssrc
                and source[0] in listener.hosts()
            ):
                listener.last_sender_report = rtcp.middle(report.ntp), now
