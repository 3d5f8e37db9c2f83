"""What other ways of choosing carriers would have brought, told from one's own log.

Only what was drawn by weight can tell, since there the chance of each carrier is known. Of such messages those are
kept that would have gone the same way, each carrier's with a chance that makes all carriers alike: what is left is a
fair sample of what the other way would have met (Li, Chu, Langford and Wang, Unbiased offline evaluation of
contextual-bandit-based news article recommendation algorithms, 2011). A way that learns sees only what is left.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from onema.domain.delivery.results import Results

_DRAWN = re.compile(r"route (\S+), priority (-?\d+), weight (\d+) of (\d+)")


class TriedFirst(msgspec.Struct, frozen=True):
    """A code's first attempt: `why` its carrier was chosen, and whether it brought the code."""

    message: int
    channel: str
    operator: str
    prefix: str
    carrier: str
    why: str
    verified: bool


class Drawn(msgspec.Struct, frozen=True):
    """One that was drawn by weight, and the weights of all carriers that it was drawn among."""

    tried: TriedFirst
    weights: Mapping[str, int]


class Replayed(msgspec.Struct, frozen=True):
    """Of so many `messages` that tell something of it, how many brought their codes, and what they cost together, in
    thousandths of what a verified code is worth.
    """

    name: str
    messages: int
    verified: int
    cost_per_mille: int

    @property
    def share(self) -> float:
        return self.verified / self.messages if self.messages else 0.0

    @property
    def uncertainty(self) -> float:
        """Nineteen times of twenty the share is off by less."""
        share = self.share
        return 1.96 * (share * (1 - share) / self.messages) ** 0.5 if self.messages else 1.0

    @property
    def worth(self) -> float:
        """What a message was worth after its cost, where a verified code is worth 1."""
        return self.share - self.cost_per_mille / 1000 / self.messages if self.messages else 0.0


class Policy(Protocol):
    """A way of choosing a carrier."""

    @property
    def name(self) -> str: ...

    def choose(self, drawn: Drawn) -> str:
        """One of the carriers that it was drawn among; any other word for none."""

    def learn(self, drawn: Drawn) -> None:
        """It went the way that was chosen."""


class Always:
    """One carrier."""

    def __init__(self, carrier: str) -> None:
        self.name = f"always {carrier}"
        self._carrier = carrier

    def choose(self, drawn: Drawn) -> str:
        return self._carrier

    def learn(self, drawn: Drawn) -> None:
        """It knows already."""


class ByResult:
    """As routes that go by result, from nothing known on."""

    name = "by result"

    def __init__(self, costs: Mapping[str, int]) -> None:
        self._costs = costs
        self._results = Results()

    def choose(self, drawn: Drawn) -> str:
        one = drawn.tried

        def worth(carrier: str) -> float:
            cost = self._costs.get(carrier, 0)
            return self._results.drawn(one.channel, carrier, one.operator, one.prefix, one.message, cost)

        return max(sorted(drawn.weights), key=worth)

    def learn(self, drawn: Drawn) -> None:
        one = drawn.tried
        self._results.add(one.channel, one.carrier, one.operator, one.prefix, 1, one.verified)


def drawn_in(log: Iterable[TriedFirst]) -> list[Drawn]:
    """Those that were drawn by weight among carriers all of which are in the log, in order of time."""
    groups: dict[tuple[str, ...], dict[str, int]] = {}
    found: list[tuple[TriedFirst, tuple[str, ...]]] = []
    for one in log:
        told = _DRAWN.match(one.why)
        if told is None:
            continue
        prefix, priority, weight, among = told.groups()
        key = (one.channel, prefix, priority, among)
        groups.setdefault(key, {})[one.carrier] = int(weight)
        found.append((one, key))
    whole = {key: weights for key, weights in groups.items() if sum(weights.values()) == int(key[-1])}
    drawn = [Drawn(one, whole[key]) for one, key in found if key in whole]
    return sorted(drawn, key=lambda each: each.tried.message)


def as_it_was(log: Sequence[Drawn], costs: Mapping[str, int]) -> Replayed:
    """All of the log: by weight."""
    return _replayed("by weight, as it was", log, costs)


def replayed(policy: Policy, log: Iterable[Drawn], costs: Mapping[str, int]) -> Replayed:
    """What the policy would have met."""
    kept = list[Drawn]()
    for one in log:
        if policy.choose(one) != one.tried.carrier or not _is_kept(one):
            continue
        policy.learn(one)
        kept.append(one)
    return _replayed(policy.name, kept, costs)


def _is_kept(drawn: Drawn) -> bool:
    """With a chance by which no carrier has more than that of the least weight."""
    least = min(weight for weight in drawn.weights.values() if weight)
    digest = hashlib.blake2b(f"{drawn.tried.message}/kept".encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big") / 2**48 < least / drawn.weights[drawn.tried.carrier]


def _replayed(name: str, log: Sequence[Drawn], costs: Mapping[str, int]) -> Replayed:
    return Replayed(
        name,
        len(log),
        sum(one.tried.verified for one in log),
        sum(costs.get(one.tried.carrier, 0) for one in log),
    )
