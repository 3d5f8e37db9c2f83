"""Which carriers a message may take, best first, and why."""

import functools
import hashlib
import math
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

import msgspec

from onema.domain.configuration.directory import Directory
from onema.domain.configuration.documents import Carrier, Route
from onema.domain.delivery.papers import Papers
from onema.domain.delivery.results import Results
from onema.domain.records import Channel
from onema.domain.values.phone import Phone

NOT_ACTIVE = "not active"
DRAINING = "draining"
NOT_READY = "not ready"
NOT_HERE = "not run here"
NOT_GIVEN = "sends codes of its own"
BREAKER_OPEN = "breaker open"
SLOWED = "asked us to slow down"


class Choice(msgspec.Struct, frozen=True, gc=False):
    """A carrier that a route gives, and what speaks for it."""

    carrier: Carrier
    why: str


class Skipped(msgspec.Struct, frozen=True, gc=False):
    """A carrier that a route gives and that takes nothing now, or not this message: `unregistered`, since something
    about it would have to be registered first.
    """

    carrier: str
    why: str
    unregistered: bool = False


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
    message: int,
    is_ready: Callable[[str], bool] = lambda carrier: True,
    *,
    given: bool = False,
    papers: Papers | None = None,
    results: Results | None = None,
) -> Plan:
    """The active carriers for `phone` that are ready: longest prefix first, then lowest priority, then as the weights
    have it for this message, the same whenever it is asked; where the routes go by result, as `results` have it for
    this message, and by weight as long as there are none. A code that was `given` goes to none that makes its own,
    and a message to none that asks for what its `papers` lack.
    """
    choices: dict[str, Choice] = {}
    skipped: dict[str, Skipped] = {}
    fitting = [one for one in directory.routes if one.channel == channel and phone.startswith(one.prefix)]
    for route, drawn in _in_order(fitting, phone, message, results):
        name = route.carrier
        if name in choices or name in skipped:
            continue
        carrier = directory.carriers[name]
        if carrier.state != "active":
            skipped[name] = Skipped(name, NOT_ACTIVE)
        elif carrier.draining:
            skipped[name] = Skipped(name, DRAINING)
        elif not is_ready(name):
            skipped[name] = Skipped(name, NOT_READY)
        elif given and carrier.own_codes:
            skipped[name] = Skipped(name, NOT_GIVEN)
        elif papers is not None and (lacking := papers.lacking(directory, name, phone)):
            skipped[name] = Skipped(name, lacking, unregistered=True)
        else:
            choices[name] = Choice(carrier, _route(route.prefix, route.priority, drawn))
    return Plan(tuple(choices.values()), tuple(skipped.values()))


def plan_to_try(directory: Directory, carrier: str) -> Plan:
    """Of a message that is to find out how a carrier works: that one alone, also while it drains."""
    document = directory.carriers.get(carrier)
    if document is None or document.state != "active":
        return Plan((), (Skipped(carrier, NOT_ACTIVE),))
    return Plan((Choice(document, "an operator tries this carrier"),))


def _in_order(
    routes: list[Route], phone: Phone, message: int, results: Results | None
) -> Iterable[tuple[Route, str]]:
    """Each route and by what it was drawn; "" where there was nothing to draw."""
    if len(routes) < 2:
        return [(route, "") for route in routes]
    return _drawn(routes, phone, message, results)


def _drawn(
    routes: list[Route], phone: Phone, message: int, results: Results | None
) -> Iterator[tuple[Route, str]]:
    for _, alike in groupby(routes, key=lambda route: (route.prefix, route.priority)):
        equals = list(alike)
        if len(equals) < 2:
            yield equals[0], ""
        elif results is not None and all(route.by_result for route in equals):
            worth = {
                route.carrier: results.worth(
                    Channel(route.channel), route.carrier, phone, message, route.cost_per_mille
                )
                for route in equals
            }
            for route in sorted(equals, key=lambda route: -worth[route.carrier]):
                yield route, f", by result {worth[route.carrier]:.2f} of {len(equals)}"
        else:
            among = sum(route.weight for route in equals)
            for route in sorted(equals, key=lambda route: _lot(message, route)):
                yield route, f", weight {route.weight} of {among}"


def _lot(message: int, route: Route) -> float:
    """The lowest comes first. Drawn from the message's id and the carrier's name alone, so that every process draws the
    same, and a carrier that is taken away changes nothing among the others: -ln(u)/w puts each first as often as its
    weight says (Efraimidis and Spirakis, Weighted random sampling with a reservoir, 2006).
    """
    if not route.weight:
        return math.inf
    digest = hashlib.blake2b(f"{message}/{route.carrier}".encode(), digest_size=7).digest()
    return -math.log((int.from_bytes(digest, "big") + 1) / 2**56) / route.weight


@functools.lru_cache(maxsize=1_000)
def _route(prefix: str, priority: int, drawn: str) -> str:
    return f"route {prefix}, priority {priority}{drawn}"


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
