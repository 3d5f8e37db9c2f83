"""This process's hold on the capacity of one carrier, without I/O: what to ask for, and what the answer allows."""

from collections.abc import Callable

from onema.domain.delivery.capacity import (
    LEASE_SECONDS,
    USE_SECONDS,
    HoldCapacity,
    Holder,
    Holding,
    LeaveCapacity,
)
from onema.engine.ports import Clock


class Capacity:
    """`steady` gives seconds that no setting of the clock changes. `held` is how much of it nobody else can have.

    One question at a time: `ask`, execute it, `hear` its result, however late that comes.
    """

    def __init__(self, carrier: str, process: str, clock: Clock, steady: Callable[[], float]) -> None:
        self._carrier = carrier
        self._process = process
        self._clock = clock
        self._steady = steady
        self.held = 0
        self._share = 0
        self._asked = self._used_from = (0.0, 0)
        self._seen: dict[str, tuple[Holder, float]] = {}

    @property
    def usable(self) -> int:
        """How much may be used at this moment: none once a renewal is overdue, so that others may not yet
        have taken them. The clock is asked too, since a machine that slept may not have counted the time.
        """
        steady, now = self._used_from
        passed = max(self._steady() - steady, (self._clock.now() - now) / 1000)
        return self._share if passed < USE_SECONDS else 0

    def ask(self, in_use: int) -> HoldCapacity:
        """The next renewal. `in_use` is how much of it is in use now, or may be before it is decided."""
        self._asked = self._steady(), self._clock.now()
        silent = tuple(
            holder for holder, since in self._seen.values() if self._asked[0] - since >= LEASE_SECONDS
        )
        return HoldCapacity(
            carrier=self._carrier,
            process=self._process,
            now=self._asked[1],
            in_use=in_use,
            silent=silent,
        )

    def hear(self, holding: Holding) -> None:
        """What the last `ask` was granted."""
        now = self._steady()
        seen = self._seen
        self._seen = {
            holder.process: known
            if (known := seen.get(holder.process)) is not None and known[0] == holder
            else (holder, now)
            for holder in holding.holders
            if holder.process != self._process
        }
        self.held, self._share, self._used_from = holding.capacity, holding.share, self._asked

    def leave(self) -> LeaveCapacity:
        """Give all up; nothing is in use any more."""
        self.held = self._share = 0
        return LeaveCapacity(carrier=self._carrier, process=self._process)
