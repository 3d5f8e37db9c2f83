"""What is known of a call's far end, and what was heard of it."""

from typing import TYPE_CHECKING, Final

import msgspec

from onema.channels.voice_sip.datagrams import Address
from onema.channels.voice_sip.sending import Stream
from onema.channels.voice_sip.srtp import Protection
from onema.protocols.rtp import rtcp
from onema.protocols.rtp.events import KeyHearing
from onema.protocols.rtp.statistics import Reception
from onema.speech.g711 import SAMPLE_RATE, Law

if TYPE_CHECKING:
    from onema.channels.voice_sip.receiving import Port


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
    protection: Protection | None = None
    """Of SRTP; None: audio is in clear. Of one call always the same as long as its keys are."""


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
    """What is heard of one call."""

    def __init__(self, call: int, stream: Stream, port: "Port") -> None:
        self.call: Final = call
        self.stream: Final = stream
        self.port: Final = port
        self.far: Far | None = None
        """None before the far end named an address."""
        self.latched: Address | None = None
        self.left: set[Address] = set()
        """Where it was before it moved."""
        self.named_spoke = False
        """Whether anything came from the named address since it was named."""
        self.keys = KeyHearing(None)
        self.reception: Reception | None = None
        """Of the source that spoke last."""
        self.received_before = 0
        self.lost_before = 0
        """Of sources before that one."""
        self.refusals = 0
        """How many packets the far end's host refused since it named an address or was heard."""
        self.is_deaf = False
        """Whether so many were refused that none are sent any more."""
        self.block: rtcp.Block | None = None
        """The far end's last words on what it got from us."""
        self.round_trip_ms: float | None = None
        self.their_report: tuple[int, int, int] | None = None
        """The far end's last sender report: its SSRC, the middle of its NTP time, and that of ours when it came."""
        self.reports_from: Address | None = None
        """Where its reports come from: ours go there (RFC 4961)."""
        self.probes: dict[Address, Reception] = {}
        """Sources that may become the latched one."""

    @property
    def received(self) -> int:
        return self.received_before + (self.reception.in_all if self.reception else 0)

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
