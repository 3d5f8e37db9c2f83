"""Any interleaving of processes that hold capacity of one carrier: never is more in use than there is."""

from typing import Any

from hypothesis import settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from onema.delivery.capacity import Capacity
from onema.delivery.carriers import WATCH_SECONDS
from onema.domain.configuration import documents as doc
from onema.domain.delivery.capacity import LEASE_SECONDS, STOP_SECONDS, HoldCapacity, Holding
from onema.testing.fake_clock import FakeClock
from onema.testing.pure_store import PureStore, context_of

PROCESSES = 3
TICK = 0.5
which = strategies.integers(0, PROCESSES - 1)


class Process:
    """One that runs the carrier. `asked` is on its way to the store, `answered` on its way back."""

    def __init__(self, name: str, clock: FakeClock) -> None:
        self.clock = clock
        self.capacity = Capacity("trunk", name, clock, clock.steady)
        self.in_use = 0
        self.overdue = 0.0
        self.asked: HoldCapacity | None = None
        self.answered: Holding | None = None

    def pass_time(self, seconds: float) -> None:
        """A carrier whose capacity ran out is told so within WATCH_SECONDS, and stops in STOP_SECONDS."""
        self.clock.advance(seconds)
        self.overdue = self.overdue + seconds if not self.capacity.usable else 0.0
        if self.overdue > WATCH_SECONDS + STOP_SECONDS:
            self.in_use = 0


class Trunk(RuleBasedStateMachine):
    """Clocks are up to two seconds apart, and are set to anything; answers are late or never come."""

    @initialize(
        total=strategies.integers(1, 7),
        apart=strategies.lists(strategies.floats(-1, 1), min_size=3, max_size=3),
    )
    def begin(self, total: int, apart: list[float]) -> None:
        self.total = total
        self.store = PureStore(context_of(doc.Carrier(name="trunk", type="test", capacity=total)))
        self.names = iter(range(1_000))
        self.processes = [self._process(FakeClock(1_800_000_000_000 + int(each * 1000))) for each in apart]
        self.renew(0)

    def _process(self, clock: FakeClock) -> Process:
        return Process(f"process {next(self.names)}", clock)

    @rule(ticks=strategies.integers(1, 40) | strategies.sampled_from((6, 20, 22, 30)))
    def pass_time(self, ticks: int) -> None:
        for _ in range(ticks):
            for process in self.processes:
                process.pass_time(TICK)
            self.no_more_in_use_than_there_are()

    @rule(number=which)
    def ask(self, number: int) -> None:
        process = self.processes[number]
        if process.asked is None and process.answered is None:
            process.asked = process.capacity.ask(max(process.capacity.usable, process.in_use))

    @rule(number=which)
    def decide(self, number: int) -> None:
        process = self.processes[number]
        if process.asked is not None:
            process.answered, process.asked = self.store.run(process.asked), None

    @rule(number=which)
    def hear(self, number: int) -> None:
        process = self.processes[number]
        if process.answered is not None:
            process.capacity.hear(process.answered)
            process.answered = None

    @rule(number=which)
    def renew(self, number: int) -> None:
        """All three, as is usual."""
        for step in (self.hear, self.ask, self.decide, self.hear):
            step(number)

    @rule(number=which, data=strategies.data())
    def use(self, number: int, data: strategies.DataObject) -> None:
        """As many as may be used, or fewer; calls end when they like."""
        process = self.processes[number]
        most = max(process.capacity.usable, process.in_use)
        process.in_use = data.draw(strategies.just(most) | strategies.integers(0, most))

    @rule(number=which, seconds=strategies.sampled_from((-3_600.0, -2.0, 2.0, 9.0, 3_600.0)))
    def set_the_clock(self, number: int, seconds: float) -> None:
        self.processes[number].clock.set_by(seconds)

    @rule(number=which, event=strategies.sampled_from(("answer lost", "died", "stopped")))
    def end(self, number: int, event: str) -> None:
        """Whoever ends lets go of its capacity; another takes its place, which knows nothing of it."""
        process = self.processes[number]
        process.asked = process.answered = None
        if event == "stopped":
            self.store.run(process.capacity.leave())
        if event != "answer lost":
            self.processes[number] = self._process(process.clock)

    @invariant()
    def no_more_in_use_than_there_are(self) -> None:
        """What is in use, or may be from one moment to the next."""
        used = [max(process.in_use, process.capacity.usable) for process in getattr(self, "processes", ())]
        assert sum(used) <= getattr(self, "total", 0), used

    def teardown(self) -> None:
        """Left in peace, all have the same share, soon after those that died have been silent for a lease."""
        if not hasattr(self, "processes"):
            return
        for _ in range(int(LEASE_SECONDS / 3) + 6):
            for number, process in enumerate(self.processes):
                process.in_use = min(process.in_use, process.capacity.usable)
                self.renew(number)
                self.no_more_in_use_than_there_are()
            self.pass_time(6)
        shares = [process.capacity.usable for process in self.processes]
        assert (sum(shares), max(shares) - min(shares) <= 1) == (self.total, True), shares


TestTrunk: Any = Trunk.TestCase
TestTrunk.settings = settings(max_examples=250, stateful_step_count=50)
