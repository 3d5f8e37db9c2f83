"""What we report of a call (RFC 3550 §6)."""

import random

from onema.channels.voice_sip.clips import packet_octets
from onema.channels.voice_sip.datagrams import Address
from onema.channels.voice_sip.listeners import Listener
from onema.protocols.rtp import rtcp
from onema.speech.g711 import SAMPLE_RATE

_EVERY_SECONDS = 5.0
_COMPENSATION = 1.21828
"""e - 3/2: for how the random factor shifts the mean (§6.3.1)."""


def next_interval_ns(randomness: random.Random, *, first: bool) -> int:
    """§6.3.1 for two members: 5 s, 2.5 for the first report, times 0.5 to 1.5 so that calls do not report together."""
    seconds = (_EVERY_SECONDS / 2 if first else _EVERY_SECONDS) * randomness.uniform(0.5, 1.5) / _COMPENSATION
    return round(seconds * 1e9)


def destination(listener: Listener) -> Address | None:
    """Where the far end's reports come from, else where it asked for ours; None for nowhere."""
    if listener.far is None or listener.far.rtcp is None:
        return None
    return listener.reports_from or listener.far.rtcp


def report(listener: Listener, *, now: int, wall: int, cname: str, goodbye: bool = False) -> bytes:
    """A sender report once packets were sent, before that a receiver report; both in nanoseconds of their clocks.

    The listener's accounts must be settled.
    """
    stream = listener.stream
    ntp = rtcp.ntp_time(wall)
    block = _block(listener, ntp)
    blocks = () if block is None else (block,)
    if stream.slice is None or not stream.slice.packets(stream):
        return rtcp.encode(rtcp.ReceiverReport(stream.ssrc, blocks), cname, goodbye=goodbye)
    # The next packet's timestamp is that of a moment ahead.
    ahead = (stream.slice.due - now) * SAMPLE_RATE // 1_000_000_000
    packets = stream.slice.packets(stream)
    sender = rtcp.SenderReport(
        stream.ssrc,
        ntp,
        (stream.slice.timestamp(stream) - ahead) & 0xFFFFFFFF,
        packets,
        packets * packet_octets(stream.slice.ptime_ms),
        blocks,
    )
    return rtcp.encode(sender, cname, goodbye=goodbye)


def _block(listener: Listener, ntp: int) -> rtcp.Block | None:
    if listener.reception is None:
        return None
    if listener.their_report is None or listener.their_report[0] != listener.reception.ssrc:
        return listener.reception.report()
    _, theirs, came = listener.their_report
    return listener.reception.report(theirs, (rtcp.middle(ntp) - came) & 0xFFFFFFFF)
