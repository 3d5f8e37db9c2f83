"""ITU-T G.711: 16-bit linear PCM, mu-law (PCMU) and A-law (PCMA), 8,000 samples a second.

Tables over bytes, with nothing but the standard library: `audioop` left it in Python 3.13, and a server
that only joins clips should not pay numpy's memory for a look-up.
"""

from __future__ import annotations

from array import array
from enum import Enum
from functools import cache
from sys import byteorder

SAMPLE_RATE = 8000
FRAME_BYTES = 160
"""One frame: 20 ms, the packet time that every SIP trunk accepts (RFC 3551, section 4.2)."""
FRAME_SECONDS = FRAME_BYTES / SAMPLE_RATE

_MU_BIAS = 0x84
_MU_CLIP = 32635


class Law(Enum):
    """The names are those of SDP (RFC 3551)."""

    PCMU = "PCMU"
    PCMA = "PCMA"

    @property
    def silence(self) -> int:
        """The byte that stands for the smallest positive sample."""
        return 0xFF if self is Law.PCMU else 0xD5


def _decode_mu(byte: int) -> int:
    inverted = ~byte & 0xFF
    magnitude = (((inverted & 0x0F) << 3) + _MU_BIAS) << (inverted >> 4 & 7)
    return _MU_BIAS - magnitude if inverted & 0x80 else magnitude - _MU_BIAS


def _decode_a(byte: int) -> int:
    toggled = byte ^ 0x55
    exponent, mantissa = toggled >> 4 & 7, toggled & 0x0F
    magnitude = (mantissa << 4) + 8 if exponent == 0 else ((mantissa << 4) + 0x108) << (exponent - 1)
    return magnitude if toggled & 0x80 else -magnitude


def _encode_mu(sample: int) -> int:
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), _MU_CLIP) + _MU_BIAS
    exponent = magnitude.bit_length() - 8
    return ~(sign | exponent << 4 | magnitude >> (exponent + 3) & 0x0F) & 0xFF


def _encode_a(sample: int) -> int:
    # Negative samples are mirrored by complement, so that -1 and 0 get the smallest steps (G.711, table 1a).
    sign = 0x80 if sample >= 0 else 0
    magnitude = sample if sample >= 0 else ~sample
    exponent = max(0, magnitude.bit_length() - 8)
    mantissa = magnitude >> (exponent + 3 if exponent else 4) & 0x0F
    return (sign | exponent << 4 | mantissa) ^ 0x55


@cache
def levels(law: Law) -> tuple[int, ...]:
    """The 16-bit sample for each of the 256 bytes."""
    decode = _decode_mu if law is Law.PCMU else _decode_a
    return tuple(decode(byte) for byte in range(256))


@cache
def _encode_table(law: Law) -> bytes:
    encode = _encode_mu if law is Law.PCMU else _encode_a
    return bytes(encode(word - 0x10000 if word & 0x8000 else word) for word in range(0x10000))


@cache
def _byte_planes(law: Law) -> tuple[bytes, bytes]:
    words = [level & 0xFFFF for level in levels(law)]
    return bytes(word & 0xFF for word in words), bytes(word >> 8 for word in words)


@cache
def _translation(source: Law, target: Law) -> bytes:
    encode = _encode_mu if target is Law.PCMU else _encode_a
    return bytes(encode(level) for level in levels(source))


def decode(data: bytes, law: Law) -> bytes:
    """G.711 bytes to 16-bit little-endian PCM, twice as many bytes."""
    low, high = _byte_planes(law)
    pcm = bytearray(2 * len(data))
    pcm[0::2] = data.translate(low)
    pcm[1::2] = data.translate(high)
    return bytes(pcm)


def encode(pcm: bytes, law: Law) -> bytes:
    """16-bit little-endian PCM to G.711 bytes, half as many."""
    words = array("H", pcm)
    if byteorder == "big":
        words.byteswap()
    return bytes(map(_encode_table(law).__getitem__, words))


def translate(data: bytes, source: Law, target: Law) -> bytes:
    """From one law to the other without going through PCM; to the same law, the bytes themselves."""
    return data if source is target else data.translate(_translation(source, target))
