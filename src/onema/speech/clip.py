from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from onema.speech import g711
from onema.speech.g711 import FRAME_BYTES, Law


@dataclass(frozen=True)
class Clip:
    """A piece of speech or silence: G.711 mu-law bytes at 8 kHz, a whole number of 20 ms frames.

    Its frames are cut once and shared by every call that plays it.
    """

    text: str
    pcmu: bytes

    def __post_init__(self) -> None:
        if len(self.pcmu) % FRAME_BYTES:
            raise ValueError(f"a clip is a whole number of frames, got {len(self.pcmu)} bytes")

    @staticmethod
    def padded(text: str, pcmu: bytes) -> Clip:
        """A clip whose last frame is filled up with silence."""
        return Clip(text, pcmu + bytes([Law.PCMU.silence]) * (-len(pcmu) % FRAME_BYTES))

    @staticmethod
    def silence(seconds: float) -> Clip:
        return Clip("", bytes([Law.PCMU.silence]) * (FRAME_BYTES * round(seconds / g711.FRAME_SECONDS)))

    @property
    def seconds(self) -> float:
        return len(self.pcmu) / g711.SAMPLE_RATE

    def frames(self, law: Law = Law.PCMU) -> tuple[bytes, ...]:
        """20 ms each, 160 bytes."""
        return self._pcmu_frames if law is Law.PCMU else self._pcma_frames

    @cached_property
    def _pcmu_frames(self) -> tuple[bytes, ...]:
        return _cut(self.pcmu)

    @cached_property
    def _pcma_frames(self) -> tuple[bytes, ...]:
        return _cut(g711.translate(self.pcmu, Law.PCMU, Law.PCMA))


def _cut(data: bytes) -> tuple[bytes, ...]:
    return tuple(data[start : start + FRAME_BYTES] for start in range(0, len(data), FRAME_BYTES))
