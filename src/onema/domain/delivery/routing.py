"""Which carriers a message may take, best first, and why."""

import functools
from collections.abc import Callable

import msgspec

from onema.domain.configuration.directory import Directory
from onema.domain.configuration.documents import Carrier
from onema.domain.records import Channel
from onema.domain.values.phone import Phone

NOT_ACTIVE = "not active"
NOT_READY = "not ready"
NOT_HERE = "not run here"
NOT_GIVEN = "sends codes of its own"


class Choice(msgspec.Struct, frozen=True, gc=False):
    """A carrier that a route gives, and what speaks for it."""

    carrier: Carrier
    why: str


class Skipped(msgspec.Struct, frozen=True, gc=False):
    """A carrier that a route gives and that takes nothing now."""

    carrier: str
    why: str


class Plan(msgspec.Struct, frozen=True, gc=False):
    """The carriers that may take a message, best first, and those that would come before or between."""

    choices: tuple[Choice, ...]
    skipped: tuple[Skipped, ...] = ()

    def from_turn(self, turn: int) -> "Plan":
        """Each choice has its turn, then they begin from the front again."""
        if not turn or not self.choices:
            return self
        turn %= len(self.choices)
        return Plan(self.choices[turn:] + self.choices[:turn], self.skipped)


def plan_route(
    directory: Directory,
    channel: Channel,
    phone: Phone,
    is_ready: Callable[[str], bool] = lambda carrier: True,
    *,
    given: bool = False,
) -> Plan:
    """The active carriers for `phone` that are ready: longest prefix first, then lowest priority, then by name. A code
    that was `given` goes to none that makes its own.
    """
    choices: dict[str, Choice] = {}
    skipped: dict[str, Skipped] = {}
    for route in directory.routes:
        if route.channel != channel or not phone.startswith(route.prefix):
            continue
        name = route.carrier
        if name in choices or name in skipped:
            continue
        carrier = directory.carriers[name]
        if carrier.state != "active":
            skipped[name] = Skipped(name, NOT_ACTIVE)
        elif not is_ready(name):
            skipped[name] = Skipped(name, NOT_READY)
        elif given and carrier.own_codes:
            skipped[name] = Skipped(name, NOT_GIVEN)
        else:
            choices[name] = Choice(carrier, _route(route.prefix, route.priority))
    return Plan(tuple(choices.values()), tuple(skipped.values()))


@functools.lru_cache(maxsize=1_000)
def _route(prefix: str, priority: int) -> str:
    return f"route {prefix}, priority {priority}"


def explain(choice: Choice, turn: int, before: str, skipped: tuple[Skipped, ...]) -> str:
    """Why this carrier was chosen: its route; which turn it is, and what `before` says of the attempt before it; whom
    it was preferred to because they take nothing now.
    """
    parts = [choice.why]
    if turn:
        parts.append(f"turn {turn + 1} after {before}")
    if skipped:
        parts.append("skipped " + ", ".join(f"{one.carrier} ({one.why})" for one in skipped))
    return "; ".join(parts)
