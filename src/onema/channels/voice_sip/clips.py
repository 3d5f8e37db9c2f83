"""The clips that calls play, once in memory for all of them, and what one call plays of them."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from onema.channels.voice_sip.datagrams import pointer
from onema.speech import g711
from onema.speech.g711 import FRAME_BYTES, SAMPLE_RATE, Law

FRAME_MS = 20
LONGEST_PTIME_MS = 60

_FOR_EVER = 1 << 30
"""More packets than any call has."""


class UnknownClip(LookupError):
    """A clip that was never learned, or is forgotten."""


class Octets:
    """Audio whose octets stay where they are as long as this lives."""

    def __init__(self, audio: bytes) -> None:
        self._array: NDArray[np.uint8] = np.frombuffer(audio, np.uint8)
        self.address = pointer(self._array)
        self.octets = len(audio)

    def __bytes__(self) -> bytes:
        return self._array.tobytes()


class Run:
    """Packets whose payloads follow each other in memory; `stride` 0 sends the same payload again and again."""

    __slots__ = ("address", "audio", "packets", "stride")

    def __init__(self, audio: Octets, packets: int, stride: int) -> None:
        self.audio = audio
        self.address = audio.address
        self.packets = packets
        self.stride = stride


_SILENCE = {law: Octets(bytes([law.silence]) * (FRAME_BYTES * LONGEST_PTIME_MS // FRAME_MS)) for law in Law}
SILENCE = {law: Run(octets, _FOR_EVER, 0) for law, octets in _SILENCE.items()}
"""What is sent while nothing is played: who sends nothing is taken for dead, and a NAT forgets it."""


def packet_octets(ptime_ms: int) -> int:
    """How many octets of G.711 a packet of so many milliseconds has."""
    return ptime_ms * SAMPLE_RATE // 1000


class Clips:
    """The learned clips by number, in both laws."""

    def __init__(self) -> None:
        self._clips: dict[int, dict[Law, Run]] = {}

    def learn(self, number: int, pcmu: bytes) -> None:
        """Keep a clip; of a number that is known, the new one counts from the next `play` on."""
        self._clips[number] = {
            law: Run(octets, octets.octets // FRAME_BYTES, FRAME_BYTES)
            for law in Law
            for octets in (Octets(g711.translate(pcmu, Law.PCMU, law)),)
        }

    def forget(self, number: int) -> None:
        """Calls that play it go on."""
        self._clips.pop(number, None)

    def programme(self, numbers: Sequence[int]) -> "Programme":
        """Raises UnknownClip."""
        try:
            return Programme([self._clips[number] for number in numbers])
        except KeyError as error:
            raise UnknownClip(error.args[0]) from error


class Programme:
    """Clips in order, of which so much was sent."""

    def __init__(self, clips: Sequence[dict[Law, Run]]) -> None:
        """Each in packets of 20 ms."""
        self._clips = clips
        self.sent_octets = 0
        """The caller counts."""

    def left_ms(self, sent: int) -> int:
        """How long the rest is when of what is being sent so many octets were."""
        octets = sum(clip[Law.PCMU].audio.octets for clip in self._clips) - self.sent_octets - sent
        return max(octets, 0) * 1000 // SAMPLE_RATE

    def runs(self, law: Law, ptime_ms: int) -> Iterator[Run]:
        """What was not yet sent, in packets.

        Packets of 20 ms are those of the clips, which all calls share. Others cross from one clip to the next, and so
        are joined for this call; the last is filled up with silence.
        """
        octets = packet_octets(ptime_ms)
        runs = [clip[law] for clip in self._clips if clip[law].audio.octets]
        if self.sent_octets or ptime_ms != FRAME_MS or any(run.audio.octets % octets for run in runs):
            rest = b"".join(bytes(run.audio) for run in runs)[self.sent_octets :]
            rest += bytes([law.silence]) * (-len(rest) % octets)
            runs = [Run(Octets(rest), len(rest) // octets, octets)] if rest else []
        return iter(runs)
