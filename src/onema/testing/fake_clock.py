class FakeClock:
    """A clock that stands still until it is told otherwise."""

    def __init__(self, now: int = 1_800_000_000_000) -> None:
        self._now = now
        self._steady = 0.0

    def now(self) -> int:
        return self._now

    def steady(self) -> float:
        """Seconds that passed; a clock that is set does not change them."""
        return self._steady

    def advance(self, seconds: float) -> None:
        self._now += round(seconds * 1000)
        self._steady += seconds

    def set_by(self, seconds: float) -> None:
        """Somebody sets the clock; no time passes."""
        self._now += round(seconds * 1000)
