"""RTP packets (RFC 3550 §5.1)."""

import struct

import msgspec

_HEADER = struct.Struct(">BBHII")
_VERSION = 2
_PADDING, _EXTENSION = 0x20, 0x10
_MARKER = 0x80

PCMU, PCMA = 0, 8
"""Static payload types (RFC 3551 §6)."""


class Packet(msgspec.Struct, frozen=True, gc=False):
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False

    def encode(self) -> bytes:
        return (
            _HEADER.pack(
                _VERSION << 6,
                self.payload_type | (_MARKER if self.marker else 0),
                self.sequence,
                self.timestamp,
                self.ssrc,
            )
            + self.payload
        )


def parse(datagram: bytes) -> Packet | None:
    """None for what is no RTP packet. CSRC list, header extension and padding are left out."""
    if len(datagram) < _HEADER.size:
        return None
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(datagram)
    if first >> 6 != _VERSION:
        return None
    start = _HEADER.size + 4 * (first & 0x0F)
    if first & _EXTENSION:
        if len(datagram) < start + 4:
            return None
        # §5.3.1: its length is in words of 32 bits, without its own four octets.
        start += 4 + 4 * int.from_bytes(datagram[start + 2 : start + 4], "big")
    end = len(datagram)
    if first & _PADDING:
        # The last octet counts the padding, itself included, so 0 is wrong.
        if datagram[-1] == 0:
            return None
        end -= datagram[-1]
    if start > end:
        return None
    return Packet(second & 0x7F, sequence, timestamp, ssrc, datagram[start:end], second >= _MARKER)
