"""What carriers made of codes lately, and choosing among them by it: Thompson sampling with a cost term.

Each carrier's share of codes that come back is not known but believed, the more surely the more codes it was tried
with. A message draws one share for each carrier from what is believed, takes off what that one costs, and goes where
most is left: so most messages go by the best, and those that go elsewhere find out whether it still is (Thompson, On
the likelihood that one unknown probability exceeds another, 1933). The draw is made of the message's id and the
carrier's name alone, so that every process with the same figures draws the same.
"""

import hashlib
import math
from statistics import NormalDist

from onema.domain.records import Channel
from onema.domain.statistics import prefix_of
from onema.domain.values.network_operator import operator_of
from onema.domain.values.phone import Phone

BORROWED = 20.0
"""What is believed of a carrier for an operator counts as so many codes for each prefix of it, and what is believed of
the carrier at all as so many for each operator.
"""
_NORMAL = NormalDist()


class Results:
    """How many codes went first by each carrier, and how many of them were typed in: of all, by operator and prefix."""

    def __init__(self) -> None:
        self._tried: dict[tuple[str, ...], float] = {}
        self._verified: dict[tuple[str, ...], float] = {}

    def add(
        self, channel: str, carrier: str, operator: str, prefix: str, tried: float, verified: float
    ) -> None:
        for key in ((channel, carrier), (channel, carrier, operator), (channel, carrier, operator, prefix)):
            self._tried[key] = self._tried.get(key, 0.0) + tried
            self._verified[key] = self._verified.get(key, 0.0) + verified

    def expected(self, channel: str, carrier: str, operator: str, prefix: str) -> tuple[float, float]:
        """The share that is believed, and with how many codes' weight."""
        key: tuple[str, ...] = (channel, carrier)
        weight = self._tried.get(key, 0.0) + 2
        share = (self._verified.get(key, 0.0) + 1) / weight
        for further in (operator, prefix):
            key = (*key, further)
            borrowed = min(weight, BORROWED)
            tried = self._tried.get(key, 0.0)
            share = (self._verified.get(key, 0.0) + borrowed * share) / (tried + borrowed)
            weight = tried + borrowed
        return share, weight

    def worth(self, channel: Channel, carrier: str, phone: Phone, message: int, cost_per_mille: int) -> float:
        """What sending this message by the carrier is worth, as the message draws it."""
        return self.drawn(channel, carrier, operator_of(phone), prefix_of(phone), message, cost_per_mille)

    def drawn(
        self, channel: str, carrier: str, operator: str, prefix: str, message: int, cost_per_mille: int
    ) -> float:
        share, weight = self.expected(channel, carrier, operator, prefix)
        return drawn_share(share, weight, lot(message, carrier)) - cost_per_mille / 1000


def lot(message: int, carrier: str) -> float:
    """Evenly between 0 and 1, neither included."""
    digest = hashlib.blake2b(f"{message}/{carrier}/result".encode(), digest_size=6).digest()
    return (int.from_bytes(digest, "big") + 0.5) / 2**48


def drawn_share(share: float, weight: float, lot: float) -> float:
    """A draw from what is believed: arcsin of the root of a share is about normal with variance 1/(4 weight), whatever
    the share (Anscombe, The transformation of Poisson, binomial and negative-binomial data, 1948).
    """
    angle = math.asin(math.sqrt(share)) + _NORMAL.inv_cdf(lot) / (2 * math.sqrt(weight))
    return math.sin(min(max(angle, 0.0), math.pi / 2)) ** 2
