from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from onema.speech import g711
from onema.speech.g711 import SAMPLE_RATE, Law

_PCM, _EXTENSIBLE = 1, 0xFFFE
_BITS = 16


class WavError(ValueError):
    """Not a WAV file that we read; the text says why, for the person who uploaded it."""


@dataclass(frozen=True)
class Wav:
    """The audio of a WAV file: 16-bit little-endian samples, channels interleaved."""

    sample_rate: int
    channels: int
    pcm: bytes

    @property
    def seconds(self) -> float:
        return len(self.pcm) / (2 * self.channels * self.sample_rate)


def from_pcmu(data: bytes) -> bytes:
    """A WAV file (8 kHz, 16-bit, mono), since every browser plays that, and not every one mu-law."""
    return write(Wav(SAMPLE_RATE, 1, g711.decode(data, Law.PCMU)))


def write(audio: Wav) -> bytes:
    align = audio.channels * _BITS // 8
    fmt = struct.pack(
        "<HHIIHH", _PCM, audio.channels, audio.sample_rate, audio.sample_rate * align, align, _BITS
    )
    chunks = b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", len(audio.pcm))
    return b"RIFF" + struct.pack("<I", len(chunks) + len(audio.pcm)) + chunks + audio.pcm


def read(data: bytes) -> Wav:
    """The first audio of a RIFF file with 16-bit PCM. Raises WavError.

    Written here because the standard library's `wave` refuses WAVE_FORMAT_EXTENSIBLE before Python 3.12,
    and recorders on Windows write it.
    """
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise WavError("this is not a WAV file")
    fmt: bytes | None = None
    position = 12
    while position + 8 <= len(data):
        name = data[position : position + 4]
        size = int.from_bytes(data[position + 4 : position + 8], "little")
        body = data[position + 8 : position + 8 + size]
        if name == b"fmt ":
            fmt = body
        elif name == b"data":
            if fmt is None:
                raise WavError("the WAV file has no format before its data")
            # A recorder that streams leaves the size at 0 or at its greatest: then the data run to the end.
            return _audio(fmt, body if size else data[position + 8 :])
        position += 8 + size + size % 2
    raise WavError("the WAV file has no audio data")


def _audio(fmt: bytes, body: bytes) -> Wav:
    if len(fmt) < 16:
        raise WavError("the WAV file's format is cut short")
    encoding, channels, sample_rate, _, align, bits = struct.unpack("<HHIIHH", fmt[:16])
    if encoding == _EXTENSIBLE and len(fmt) >= 26:
        encoding = int.from_bytes(fmt[24:26], "little")
    if encoding != _PCM or bits != _BITS:
        raise WavError("the WAV file must hold 16-bit PCM")
    if channels not in (1, 2) or align != channels * _BITS // 8:
        raise WavError("the WAV file must be mono or stereo")
    return Wav(sample_rate, channels, body[: len(body) // align * align])


@cache
def _magnitudes() -> bytes:
    return bytes(min(255, abs(level) * 256 // 32768) for level in g711.levels(Law.PCMU))


def peaks(pcmu: bytes, count: int) -> list[float]:
    """The loudest sample of each of `count` equal stretches, 0.0 to 1.0."""
    if count < 1:
        raise ValueError("count must be at least 1")
    magnitudes = pcmu.translate(_magnitudes())
    edges = [len(magnitudes) * index // count for index in range(count + 1)]
    return [max(magnitudes[start:end], default=0) / 255 for start, end in pairwise(edges)]
