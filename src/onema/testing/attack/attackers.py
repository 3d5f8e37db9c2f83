"""Who attacks, and how: each gives the moments at which it does something, and does it then."""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from onema.domain.codes.check_code import Check
from onema.testing.attack.core import SimulatedCore
from onema.testing.attack.people import HOUR_MS, Person, home_number, is_reached, number_abroad

MINUTE_MS = 60_000


class Attacker(Protocol):
    name: str

    def moments(self) -> Iterator[int]:
        """In any order, Unix ms."""

    def act(self, now: int, core: SimulatedCore) -> None: ...


def _whole_block(draw: random.Random, number: Callable[[random.Random], str]) -> str:
    """What ten thousand numbers begin with that SMS go to."""
    while True:
        block = number(draw)[:-4]
        if all(is_reached(f"{block}{rest:04d}") for rest in range(0, 10_000, 997)):
            return block


class Pumping:
    """Asks for codes to numbers that pay their renter: whole blocks abroad and at home, from a botnet's addresses, over
    three hours. One in fifty is typed in, so that it looks like people.
    """

    name = "pumping"

    def __init__(self, draw: random.Random, begins: int, messages: int = 6_000) -> None:
        self._draw = draw
        self._begins, self._messages = begins, messages
        self._blocks = [
            *(_whole_block(draw, number_abroad) for _ in range(5)),
            *(_whole_block(draw, home_number) for _ in range(4)),
        ]
        self._addresses = [
            f"{draw.randrange(23, 220)}.{draw.randrange(256)}.{draw.randrange(256)}.{draw.randrange(256)}"
            for _ in range(400)
        ]
        self.asked = self.stopped = 0
        self.spend_asked = self.spend_stopped = 0
        self.by_minute: dict[int, tuple[int, int]] = {}
        """(asked, sent) by the minute since it began."""

    def moments(self) -> Iterator[int]:
        for _ in range(self._messages):
            yield self._begins + self._draw.randrange(3 * HOUR_MS)

    def act(self, now: int, core: SimulatedCore) -> None:
        phone = f"{self._draw.choice(self._blocks)}{self._draw.randrange(10_000):04d}"
        answer, code = core.send(now, phone, self._draw.choice(self._addresses))
        self.asked += 1
        self.spend_asked += answer.cost
        minute = (now - self._begins) // MINUTE_MS
        asked, sent = self.by_minute.get(minute, (0, 0))
        self.by_minute[minute] = (asked + 1, sent + answer.sent)
        if not answer.sent:
            self.stopped += 1
            self.spend_stopped += answer.cost
        elif self._draw.random() < 0.02:
            core.check(now + 1_000, phone, code)


class Bombing:
    """Has a few phones ring with codes all day."""

    name = "bombing"

    def __init__(self, draw: random.Random, begins: int, victims: Sequence[Person]) -> None:
        self._draw, self._begins = draw, begins
        self._victims = victims
        self.asked = 0
        self.arrived: dict[str, int] = {}

    def moments(self) -> Iterator[int]:
        for _ in range(2_000):
            yield self._begins + self._draw.randrange(20 * HOUR_MS)

    def act(self, now: int, core: SimulatedCore) -> None:
        victim = self._draw.choice(self._victims)
        address = f"45.{self._draw.randrange(256)}.{self._draw.randrange(256)}.{self._draw.randrange(256)}"
        answer, _ = core.send(now, victim.phone, address)
        self.asked += 1
        self.arrived[victim.phone] = self.arrived.get(victim.phone, 0) + answer.sent


class Guessing:
    """Has a new code sent whenever the last one is used up, and guesses at each."""

    name = "code guessing"

    def __init__(self, draw: random.Random, begins: int, victims: Sequence[Person]) -> None:
        self._draw, self._begins = draw, begins
        self._victims = victims
        self.looked_at = self.right = 0
        self.most: dict[str, int] = {}

    def moments(self) -> Iterator[int]:
        for _ in range(1_500):
            yield self._begins + self._draw.randrange(20 * HOUR_MS)

    def act(self, now: int, core: SimulatedCore) -> None:
        victim = self._draw.choice(self._victims)
        core.send(now, victim.phone, f"46.{self._draw.randrange(256)}.7.{self._draw.randrange(256)}")
        for guess in range(6):
            found = core.check(now + guess, victim.phone, f"{self._draw.randrange(1_000_000):06d}")
            if found in (Check.WRONG, Check.RIGHT):
                self.looked_at += 1
                self.most[victim.phone] = self.most.get(victim.phone, 0) + 1
            self.right += found is Check.RIGHT


class Enumeration:
    """Asks for numbers of customers and of nobody in turns, from one address each time, and compares the answers."""

    name = "enumeration"

    def __init__(self, draw: random.Random, begins: int, customers: Sequence[Person]) -> None:
        self._draw, self._begins = draw, begins
        self._customers = customers
        self.pairs = self.alike = 0

    def moments(self) -> Iterator[int]:
        for number in range(20):
            yield self._begins + number * HOUR_MS

    def act(self, now: int, core: SimulatedCore) -> None:
        customer = self._draw.choice(self._customers).phone
        address = f"47.{self._draw.randrange(256)}.{self._draw.randrange(256)}.9"
        known, _ = core.send(now, customer, address)
        unknown, _ = core.send(now + 1, home_number(self._draw), address)
        self.pairs += 1
        self.alike += known.word == unknown.word


class LockOut:
    """Asks for codes for a customer's number from elsewhere until it gets none any more; then its owner logs in."""

    name = "lock-out"

    def __init__(self, draw: random.Random, begins: int, owners: Sequence[Person]) -> None:
        self._draw, self._begins = draw, begins
        self._owners = list(owners)
        self.attacked = self.refused_to_stranger = self.locked_out = 0

    def moments(self) -> Iterator[int]:
        for number in range(len(self._owners)):
            yield self._begins + number * 10 * MINUTE_MS

    def act(self, now: int, core: SimulatedCore) -> None:
        owner = self._owners.pop()
        self.attacked += 1
        for number in range(40):
            answer, _ = core.send(now + number * 1_000, owner.phone, f"48.{self._draw.randrange(256)}.3.4")
            if not answer.sent:
                self.refused_to_stranger += 1
                break
        answer, code = core.send(now + MINUTE_MS, owner.phone, owner.address)
        entered = answer.sent and core.check(now + MINUTE_MS + 20_000, owner.phone, code) is Check.RIGHT
        self.locked_out += not entered
