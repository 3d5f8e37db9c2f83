"""RTCP: reports on what was sent and what came (RFC 3550 §6).

Read is what somebody needs to know who sends: reports about a source of his own, and goodbyes. Everything else in a
compound packet is passed over: APP, feedback, extended reports, and types that nobody knows.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence

import msgspec

SR, RR, SDES, BYE = 200, 201, 202, 203
_CNAME = 1
_MOST_BLOCKS = 31
_LONGEST_NAME = 255

_HEAD = struct.Struct(">BBH")
_SENDER = struct.Struct(">IQIII")
_BLOCK = struct.Struct(">IIIIII")
_FROM_1900_TO_1970 = 2_208_988_800


class Block(msgspec.Struct, frozen=True, gc=False):
    """What a receiver says of one source (§6.4.1)."""

    ssrc: int
    fraction_lost: int = 0
    """Of 256, since its last report."""
    lost: int = 0
    """From the beginning. Negative where more came than were expected: duplicates."""
    highest_sequence: int = 0
    """Extended by how often it wrapped, in the upper 16 bits."""
    jitter: int = 0
    """In units of the timestamp."""
    last_report: int = 0
    """The middle 32 bits of the NTP time of the last SR from that source; 0 for none."""
    since_last_report: int = 0
    """In units of 1/65,536 s."""


class SenderReport(msgspec.Struct, frozen=True, gc=False):
    ssrc: int
    ntp: int
    """64 bits: seconds since 1900, and their fraction."""
    timestamp: int
    """The RTP timestamp of the same moment."""
    packets: int
    octets: int
    """Of payloads."""
    blocks: Sequence[Block] = ()


class ReceiverReport(msgspec.Struct, frozen=True, gc=False):
    ssrc: int
    blocks: Sequence[Block] = ()


class Goodbye(msgspec.Struct, frozen=True, gc=False):
    sources: Sequence[int]


Report = SenderReport | ReceiverReport | Goodbye


def ntp_time(unix_ns: int) -> int:
    """The 64 bits of a sender report (§4) for nanoseconds since 1970."""
    seconds, rest = divmod(unix_ns, 1_000_000_000)
    return (seconds + _FROM_1900_TO_1970 << 32 | (rest << 32) // 1_000_000_000) & 0xFFFFFFFFFFFFFFFF


def middle(ntp: int) -> int:
    """The 32 bits by which a report names a sender report."""
    return ntp >> 16 & 0xFFFFFFFF


def round_trip_ms(block: Block, ntp: int) -> float | None:
    """From when our report left, less how long the far end kept it (§6.4.1). None where it had none of ours."""
    if not block.last_report:
        return None
    units = (middle(ntp) - block.last_report - block.since_last_report) & 0xFFFFFFFF
    # A far end whose clock runs faster than ours tells more than passed.
    return 0.0 if units >> 31 else units * 1000 / 65536


def encode(report: SenderReport | ReceiverReport, cname: str, *, goodbye: bool = False) -> bytes:
    """A compound packet (§6.1): the report first, then the name that the source has in every session, then BYE."""
    sdes = _description(report.ssrc, cname)
    last = _packet(BYE, 1, report.ssrc.to_bytes(4, "big")) if goodbye else b""
    blocks = report.blocks[:_MOST_BLOCKS]
    body = b"".join(map(_encoded, blocks))
    if isinstance(report, ReceiverReport):
        return _packet(RR, len(blocks), report.ssrc.to_bytes(4, "big") + body) + sdes + last
    sender = _SENDER.pack(
        report.ssrc, report.ntp, report.timestamp, report.packets & 0xFFFFFFFF, report.octets & 0xFFFFFFFF
    )
    return _packet(SR, len(blocks), sender + body) + sdes + last


def parse(datagram: bytes) -> list[Report]:
    """What a compound packet holds; of a broken one, what stands before the break. A lone report will do (RFC 5506)."""
    return list(_reports(datagram))


def about(ssrc: int, reports: Iterable[Report]) -> Block | None:
    """The last block about that source. One about source 0 is about nobody, though some send it."""
    blocks = [
        block
        for report in reports
        if not isinstance(report, Goodbye)
        for block in report.blocks
        if block.ssrc == ssrc and ssrc
    ]
    return blocks[-1] if blocks else None


def _reports(datagram: bytes) -> Iterator[Report]:
    at = 0
    while at + _HEAD.size <= len(datagram):
        first, kind, words = _HEAD.unpack_from(datagram, at)
        end = at + _HEAD.size + 4 * words
        if first >> 6 != 2 or end > len(datagram):
            return
        body = datagram[at + _HEAD.size : end]
        if first & 0x20:
            if not body or not 0 < body[-1] <= len(body):
                return
            body = body[: -body[-1]]
        report = _report(kind, first & 0x1F, body)
        if report is not None:
            yield report
        at = end


def _report(kind: int, count: int, body: bytes) -> Report | None:
    if kind == BYE:
        if len(body) < 4 * count:
            return None
        return Goodbye(tuple(int.from_bytes(body[4 * n : 4 * n + 4], "big") for n in range(count)))
    start = {SR: _SENDER.size, RR: 4}.get(kind)
    if start is None or len(body) < start + count * _BLOCK.size:
        return None
    blocks = tuple(_decoded(body, start + number * _BLOCK.size) for number in range(count))
    if kind == RR:
        return ReceiverReport(int.from_bytes(body[:4], "big"), blocks)
    ssrc, ntp, timestamp, packets, octets = _SENDER.unpack_from(body)
    return SenderReport(ssrc, ntp, timestamp, packets, octets, blocks)


def _decoded(body: bytes, at: int) -> Block:
    ssrc, losses, highest, jitter, last, since = _BLOCK.unpack_from(body, at)
    lost = losses & 0xFFFFFF
    return Block(ssrc, losses >> 24, lost - (lost >> 23 << 24), highest, jitter, last, since)


def _encoded(block: Block) -> bytes:
    lost = max(-0x800000, min(block.lost, 0x7FFFFF)) & 0xFFFFFF
    return _BLOCK.pack(
        block.ssrc,
        block.fraction_lost << 24 | lost,
        block.highest_sequence,
        block.jitter,
        block.last_report,
        block.since_last_report,
    )


def _description(ssrc: int, cname: str) -> bytes:
    name = cname.encode()[:_LONGEST_NAME]
    # §6.5: the list of items ends with at least one null octet, at a word's end.
    chunk = ssrc.to_bytes(4, "big") + bytes((_CNAME, len(name))) + name
    return _packet(SDES, 1, chunk + bytes(4 - len(chunk) % 4))


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return _HEAD.pack(0x80 | count, kind, len(body) // 4) + body
