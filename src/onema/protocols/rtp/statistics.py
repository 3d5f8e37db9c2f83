"""What came from one source, and what did not (RFC 3550 §6.4.1, appendix A)."""

from onema.protocols.rtp.rtcp import Block

_MIN_SEQUENTIAL = 2
_MAX_DROPOUT = 3000
_MAX_MISORDER = 100
_SEQUENCES = 1 << 16


class Reception:
    """Counts the packets of one source. Times are in units of its timestamp, of any clock that does not jump."""

    def __init__(self, ssrc: int) -> None:
        self.ssrc = ssrc
        self.received = 0
        self._probation = _MIN_SEQUENTIAL
        """How many packets in order are still wanted before the source is believed (A.1)."""
        self._base = 0
        self._highest = 0
        self._cycles = 0
        self._bad = -1
        """The sequence number that would prove a jump, after one that was too far off."""
        self._transit: int | None = None
        self._jitter = 0.0
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
        return self._cycles + self._highest

    @property
    def jitter(self) -> float:
        """The mean deviation of the distance between packets, smoothed (§6.4.1)."""
        return self._jitter

    def receive(self, sequence: int, timestamp: int, arrival: int) -> bool:
        """Whether the packet belongs to the stream (A.1, update_seq)."""
        if not self._takes(sequence):
            return False
        self.received += 1
        transit = (arrival - timestamp) & 0xFFFFFFFF
        if self._transit is not None:
            difference = (transit - self._transit) & 0xFFFFFFFF
            self._jitter += (min(difference, 0x100000000 - difference) - self._jitter) / 16
        self._transit = transit
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
            int(self._jitter),
            last_report,
            since_last_report,
        )

    def _takes(self, sequence: int) -> bool:
        if self._probation:
            in_order = self._probation < _MIN_SEQUENTIAL and sequence == (self._highest + 1) % _SEQUENCES
            self._probation = self._probation - 1 if in_order else _MIN_SEQUENTIAL - 1
            self._highest = sequence
            if not self._probation:
                self._begin(sequence)
            return not self._probation
        ahead = (sequence - self._highest) % _SEQUENCES
        if ahead < _MAX_DROPOUT:
            if sequence < self._highest:
                self._cycles += _SEQUENCES
            self._highest = sequence
        elif ahead <= _SEQUENCES - _MAX_MISORDER:
            # A jump: two in a row prove that the far end began anew.
            if sequence != self._bad:
                self._bad = (sequence + 1) % _SEQUENCES
                return False
            self._begin(sequence)
        return True

    def _begin(self, sequence: int) -> None:
        self._base = self._highest = sequence
        self._cycles = 0
        self._bad = -1
        self.received = self._expected_before = self._received_before = 0
