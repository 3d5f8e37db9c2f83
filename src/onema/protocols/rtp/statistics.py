"""What came from one source, and what did not (RFC 3550 §6.4.1, appendix A)."""

from onema.protocols.rtp.rtcp import Block

_MIN_SEQUENTIAL = 2
_MAX_DROPOUT = 3000
_MAX_MISORDER = 100
_SEQUENCES = 1 << 16


class Reception:
    """Counts the packets of one source. Times are in units of its timestamp, of any clock that does not jump.

    What it knows are plain attributes, so that whoever counts many sources at once can take over and give back.
    """

    def __init__(self, ssrc: int) -> None:
        self.ssrc = ssrc
        self.received = 0
        """Since it began, or began anew after a jump."""
        self.in_all = 0
        self.highest = 0
        """The highest sequence number."""
        self.cycles = 0
        """65,536 for each time that they wrapped."""
        self.transit: int | None = None
        """Of the last packet: arrival less timestamp, 32 bits of it."""
        self.jitter = 0.0
        """The mean deviation of the distance between packets, smoothed (§6.4.1)."""
        self._probation = _MIN_SEQUENTIAL
        """How many packets in order are still wanted before the source is believed (A.1)."""
        self._base = 0
        self._bad = -1
        """The sequence number that would prove a jump, after one that was too far off."""
        self._expected_before = 0
        self._received_before = 0

    @property
    def is_valid(self) -> bool:
        """Whether two packets came in order: one alone may be anything."""
        return not self._probation

    @property
    def expected(self) -> int:
        return self.highest_sequence - self._base + 1 if self.is_valid else 0

    @property
    def lost(self) -> int:
        """Negative where there were more duplicates than losses (A.3)."""
        return self.expected - self.received

    @property
    def highest_sequence(self) -> int:
        return self.cycles + self.highest

    def receive(self, sequence: int, timestamp: int, arrival: int | None) -> bool:
        """Whether the packet belongs to the stream (A.1, update_seq).

        `arrival` is None where the timestamp does not say when the packet left: those of one event share it.
        """
        if not self._takes(sequence):
            return False
        self.received += 1
        self.in_all += 1
        if arrival is None:
            return True
        transit = (arrival - timestamp) & 0xFFFFFFFF
        if self.transit is not None:
            difference = (transit - self.transit) & 0xFFFFFFFF
            self.jitter += (min(difference, 0x100000000 - difference) - self.jitter) / 16
        self.transit = transit
        return True

    def report(self, last_report: int = 0, since_last_report: int = 0) -> Block | None:
        """The block for our next report; its fraction is of what came since the one before. None before it is valid."""
        if not self.is_valid:
            return None
        expected = self.expected - self._expected_before
        lost = expected - (self.received - self._received_before)
        self._expected_before, self._received_before = self.expected, self.received
        fraction = min(255, (lost << 8) // expected) if expected > 0 and lost > 0 else 0
        return Block(
            self.ssrc,
            fraction,
            self.lost,
            self.highest_sequence & 0xFFFFFFFF,
            int(self.jitter),
            last_report,
            since_last_report,
        )

    def _takes(self, sequence: int) -> bool:
        if self._probation:
            return self._proves(sequence)
        ahead = (sequence - self.highest) % _SEQUENCES
        if ahead < _MAX_DROPOUT:
            if sequence < self.highest:
                self.cycles += _SEQUENCES
            self.highest = sequence
        elif ahead <= _SEQUENCES - _MAX_MISORDER:
            # A jump: two in a row prove that the far end began anew.
            if sequence != self._bad:
                self._bad = (sequence + 1) % _SEQUENCES
                return False
            self._begin(sequence)
        return True

    def _proves(self, sequence: int) -> bool:
        """Unlike in A.1, the packet before the one that proves it counts too: it was no loss."""
        first = self._probation == _MIN_SEQUENTIAL
        self._probation = _MIN_SEQUENTIAL - 1
        if first or sequence != (self.highest + 1) % _SEQUENCES:
            self.highest = sequence
            return False
        self._probation = 0
        self._begin(self.highest)
        self.received = 1
        self.in_all += 1
        self.highest = sequence
        self.cycles = 0 if sequence else _SEQUENCES
        return True

    def _begin(self, sequence: int) -> None:
        self._base = self.highest = sequence
        self.cycles = 0
        self._bad = -1
        self.received = self._expected_before = self._received_before = 0
