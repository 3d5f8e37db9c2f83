"""What a phone of our own hears: RTP to audio, its report about it, and the code in it."""

import random
from collections.abc import Mapping

import msgspec
import numpy as np

from onema.protocols.rtp import packets, rtcp
from onema.protocols.rtp.first_octet import Kind, kind_of
from onema.protocols.rtp.statistics import Reception
from onema.speech import samples
from onema.speech.g711 import SAMPLE_RATE, Law
from onema.speech.hearing.decode import hear
from onema.speech.pack import Voice
from onema.speech.samples import Samples

LONGEST_SECONDS = 300
"""Of audio that is kept; what comes later is counted only."""
_LAWS = {packets.PCMU: Law.PCMU, packets.PCMA: Law.PCMA}


class Code(msgspec.Struct, frozen=True):
    """What was understood. `repeats` is how often the code was heard; all of them agreed."""

    code: str
    voice: str
    repeats: int
    likeness: float
    """Of the least alike character, 0.0 to 1.0."""

    def __repr__(self) -> str:
        """Without the code."""
        return f"<Code of {len(self.code)} characters by {self.voice}>"


class Ear:
    """Takes datagrams of one call. `loses` is the share that it drops by `chance`, as if they had been lost."""

    def __init__(self, loses: float, chance: random.Random) -> None:
        self.ssrc = chance.getrandbits(32) or 1
        """Ours, in reports."""
        self.received = 0
        """Packets of audio that arrived."""
        self.dropped = 0
        """By `loses`."""
        self.laws: set[Law] = set()
        """In which audio came."""
        self._loses, self._chance = loses, chance
        self._reception: Reception | None = None
        """Of the source that talks now."""
        self._first = 0
        """The timestamp where its audio began."""
        self._begins = 0
        """Where that is in all audio, in samples."""
        self._audio = np.zeros(0, dtype=np.float32)
        self._end = 0
        """Samples up to the last one that came."""
        self._lost_before = 0
        """Of sources before this one."""

    def take(self, datagram: bytes, now: float) -> None:
        """One datagram of the audio port; `now` is seconds of any steady clock."""
        if kind_of(datagram) is not Kind.RTP:
            return
        packet = packets.parse(datagram)
        law = _LAWS.get(packet.payload_type) if packet is not None else None
        if packet is None or law is None or not packet.payload:
            return
        if self._loses and self._chance.random() < self._loses:
            self.dropped += 1
            return
        if self._reception is None or self._reception.ssrc != packet.ssrc:
            self._lost_before += self.lost
            self._reception = Reception(packet.ssrc)
            self._first, self._begins = packet.timestamp, self._end
        self._reception.receive(packet.sequence, packet.timestamp, int(now * SAMPLE_RATE))
        self.received += 1
        self.laws.add(law)
        self._keep(packet, law)

    def _keep(self, packet: packets.Packet, law: Law) -> None:
        offset = (packet.timestamp - self._first) & 0xFFFFFFFF
        if offset >= 1 << 31:
            return
        at, heard = self._begins + offset, samples.from_g711(packet.payload, law)
        end = at + len(heard)
        if end > LONGEST_SECONDS * SAMPLE_RATE:
            return
        if end > len(self._audio):
            longer = np.zeros(max(end, 2 * len(self._audio), SAMPLE_RATE), dtype=np.float32)
            longer[: len(self._audio)] = self._audio
            self._audio = longer
        self._audio[at:end] = heard
        self._end = max(self._end, end)

    @property
    def lost(self) -> int:
        """Packets that never came; those of `loses` are among them."""
        return self._lost_before + (max(self._reception.lost, 0) if self._reception else 0)

    @property
    def jitter_ms(self) -> float:
        return self._reception.jitter * 1_000 / SAMPLE_RATE if self._reception else 0.0

    @property
    def audio(self) -> Samples:
        """8 kHz, with silence where nothing came."""
        return self._audio[: self._end]

    def report(self, *, goodbye: bool = False) -> bytes:
        """A receiver report about what came (RFC 3550 §6.4.2); empty before anything did."""
        block = self._reception.report() if self._reception is not None else None
        if block is None:
            return b""
        return rtcp.encode(rtcp.ReceiverReport(self.ssrc, (block,)), "callee", goodbye=goodbye)


def understood(audio: Samples, voices: Mapping[str, Voice], rate: float = 1.0) -> Code | None:
    """The code in the audio, by the voice that it is most alike; None where no voice says one, or its repeats differ.
    A repeat that is shorter than another was cut off, by a key or by who hung up, and says nothing. It takes some
    20 ms for each voice and ten seconds of audio.
    """
    best: Code | None = None
    if not len(audio):
        return None
    for voice_id, voice in voices.items():
        transcript = hear(audio, voice, rate)
        longest = max(map(len, transcript.codes), default=0)
        whole = [code for code in transcript.codes if len(code) == longest]
        if len(set(whole)) == 1:
            likeness = min(one.likeness for one in transcript.characters if one.character in whole[0])
            found = Code(whole[0], voice_id, len(whole), round(likeness, 3))
            if best is None or (len(found.code), found.likeness) > (len(best.code), best.likeness):
                best = found
    return best
