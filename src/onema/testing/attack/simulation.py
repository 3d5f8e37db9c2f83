"""Two weeks of people, and a day on which everybody attacks at once."""

import random
from collections import Counter
from collections.abc import Iterator

import msgspec

from onema.domain.codes.check_code import Check
from onema.domain.configuration import documents as doc
from onema.testing.attack.attackers import (
    Attacker,
    Bombing,
    Enumeration,
    Guessing,
    LockOut,
    Pumping,
)
from onema.testing.attack.core import SimulatedCore
from onema.testing.attack.people import (
    ASKS_AGAIN,
    DAY_MS,
    HOUR_MS,
    TYPES_IN,
    Person,
    moment,
    newcomer,
)

QUIET_DAYS = 14
FIRST_DAY = 1_800_000_000_000 // DAY_MS
NEWCOMERS_A_DAY = 600
LOGINS_A_DAY = 900


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a run. Shares are from 0 to 1, `by_minute` is of the pumping: (asked, sent)."""

    seed: int
    mode: str
    good_sends: int
    good_touched: int
    good_rules: dict[str, int]
    pumped_asked: int
    pumped_sent: int
    pumped_spend_stopped: float
    bombed_most: int
    bombing_asked: int
    guesses_most: int
    guesses_right: int
    pairs_alike: float
    owners_attacked: int
    strangers_refused: int
    owners_locked_out: int
    by_minute: list[tuple[int, int]]

    @property
    def good_touched_share(self) -> float:
        return self.good_touched / max(self.good_sends, 1)


def drawing(seed: int) -> random.Random:
    """What is drawn must come again with its seed."""
    return random.Random(seed)  # noqa: S311  # nothing here is secret


class _Day:
    """What people do on the day of the attack, and whether the guard let them."""

    def __init__(self) -> None:
        self.sends = self.touched = 0
        self.rules: Counter[str] = Counter()


def simulate(seed: int, mode: doc.GuardMode = "block", *, quiet_days: int = QUIET_DAYS) -> Result:
    """The same seed does the same, whatever the mode: nobody's next move depends on an answer but their own."""
    draw = drawing(seed)
    core = SimulatedCore(doc.Guard(name="*", mode=mode), draw.randbytes)
    customers: list[Person] = []
    for day in range(FIRST_DAY, FIRST_DAY + quiet_days):
        for now, person in sorted(_asking(draw, day, customers), key=lambda one: one[0]):
            _person_asks(draw, core, now, person, _Day())
    begins = (FIRST_DAY + quiet_days) * DAY_MS
    owners = [one for one in customers if one.verified]
    watched = draw.sample(owners, min(60, len(owners)))
    pumping = Pumping(drawing(seed + 1), begins + 9 * HOUR_MS)
    bombing = Bombing(drawing(seed + 2), begins, watched[:10])
    guessing = Guessing(drawing(seed + 3), begins, watched[10:20])
    enumeration = Enumeration(drawing(seed + 4), begins, watched[20:40])
    lock_out = LockOut(drawing(seed + 5), begins + 10 * HOUR_MS, watched[40:])
    attackers: tuple[Attacker, ...] = (pumping, bombing, guessing, enumeration, lock_out)
    day_of_attack = _Day()
    todo: list[tuple[int, Person | Attacker]] = [(now, one) for one in attackers for now in one.moments()]
    todo += _asking(draw, FIRST_DAY + quiet_days, customers)
    for now, who in sorted(todo, key=lambda one: one[0]):
        if isinstance(who, Person):
            _person_asks(draw, core, now, who, day_of_attack)
        else:
            who.act(now, core)
    return Result(
        seed=seed,
        mode=mode,
        good_sends=day_of_attack.sends,
        good_touched=day_of_attack.touched,
        good_rules=dict(day_of_attack.rules),
        pumped_asked=pumping.asked,
        pumped_sent=pumping.asked - pumping.stopped,
        pumped_spend_stopped=pumping.spend_stopped / pumping.spend_asked,
        bombed_most=max(bombing.arrived.values()),
        bombing_asked=bombing.asked,
        guesses_most=max(guessing.most.values()),
        guesses_right=guessing.right,
        pairs_alike=enumeration.alike / enumeration.pairs,
        owners_attacked=lock_out.attacked,
        strangers_refused=lock_out.refused_to_stranger,
        owners_locked_out=lock_out.locked_out,
        by_minute=[pumping.by_minute.get(minute, (0, 0)) for minute in range(180)],
    )


def _asking(draw: random.Random, day: int, customers: list[Person]) -> Iterator[tuple[int, Person]]:
    """Who asks when on that day; newcomers are customers from then on."""
    known = draw.choices(customers, k=LOGINS_A_DAY) if customers else []
    new = [newcomer(draw) for _ in range(NEWCOMERS_A_DAY)]
    customers.extend(new)
    for person in (*known, *new):
        yield moment(draw, day), person


def _person_asks(draw: random.Random, core: SimulatedCore, now: int, person: Person, day: _Day) -> None:
    """Once, and once more when the code was not typed in. Draws the same numbers whatever the answers are."""
    types_in, asks_again, seconds = (
        draw.random() < TYPES_IN,
        draw.random() < ASKS_AGAIN,
        draw.randrange(10, 60),
    )
    for again in range(2):
        answer, code = core.send(now + again * 90_000, person.phone, person.address)
        day.sends += 1
        if answer.rules:
            day.touched += 1
            day.rules.update(answer.rules)
        if types_in or again:
            if answer.sent and (types_in or asks_again):
                right = core.check(now + again * 90_000 + seconds * 1000, person.phone, code)
                person.verified = person.verified or right is Check.RIGHT
            return
        if not asks_again:
            return
