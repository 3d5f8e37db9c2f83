"""Other ways of choosing carriers, told from a log in which it is known which carrier is better."""

from collections.abc import Mapping
from random import Random

import pytest

from onema.domain.delivery.replay import (
    Always,
    ByResult,
    TriedFirst,
    as_it_was,
    drawn_in,
    replayed,
)

SHARES = {"good": 0.85, "poor": 0.55}
WEIGHTS = {"good": 1, "poor": 3}


def synthetic(
    messages: int, shares: Mapping[str, float] = SHARES, weights: Mapping[str, int] = WEIGHTS, seed: int = 7
) -> list[TriedFirst]:
    """A log whose carriers were drawn by weight, each of which brings its share of codes."""
    random = Random(seed)
    among = sum(weights.values())
    carriers = random.choices(list(weights), list(weights.values()), k=messages)
    return [
        TriedFirst(
            number,
            "sms",
            "MobiFone",
            "+84901",
            carrier,
            f"route +, priority 0, weight {weights[carrier]} of {among}",
            random.random() < shares[carrier],
        )
        for number, carrier in enumerate(carriers)
    ]


@pytest.mark.parametrize("carrier", ["good", "poor"])
def test_what_one_carrier_alone_would_have_brought_is_found(carrier: str) -> None:
    """Within what so many messages leave uncertain, however seldom the carrier was drawn."""
    log = drawn_in(synthetic(20_000))
    found = replayed(Always(carrier), log, {})
    assert found.messages > 4_000
    assert found.share == pytest.approx(SHARES[carrier], abs=1.5 * found.uncertainty)


def test_what_was_by_weight_is_the_mean_of_all() -> None:
    """So that it can be compared."""
    found = as_it_was(drawn_in(synthetic(20_000)), {})
    assert found.messages == 20_000
    assert found.share == pytest.approx(0.25 * 0.85 + 0.75 * 0.55, abs=0.01)


def test_going_by_result_comes_near_the_better_carrier() -> None:
    """From nothing known on, and only by what it would have seen itself."""
    log = drawn_in(synthetic(20_000))
    found, best = replayed(ByResult({}), log, {}), replayed(Always("good"), log, {})
    assert found.share > as_it_was(log, {}).share + 0.15
    assert found.share == pytest.approx(best.share, abs=0.03)


def test_a_carrier_may_cost_more_than_it_brings() -> None:
    """A verified code is worth a thousand thousandths; a third of them more costs four hundred here."""
    costs = {"good": 400}
    log = drawn_in(synthetic(20_000))
    by_result, poor, good = (
        replayed(policy, log, costs) for policy in (ByResult(costs), Always("poor"), Always("good"))
    )
    assert good.worth == pytest.approx(0.45, abs=0.03)
    assert by_result.worth == pytest.approx(poor.worth, abs=0.03)
    assert by_result.worth > good.worth + 0.05


def test_only_what_was_drawn_by_weight_tells_anything() -> None:
    """Neither the only carrier of a prefix, nor one that was chosen by result or after another, nor a group of which
    a carrier was never seen.
    """
    log = synthetic(100)
    other = [
        TriedFirst(200, "sms", "", "+1415", "world", "route +, priority 0", True),
        TriedFirst(201, "sms", "", "+84901", "good", "route +, priority 0, by result 0.81 of 2", True),
        TriedFirst(202, "sms", "", "+84901", "new", "route +84, priority 0, weight 1 of 2", True),
    ]
    assert [one.tried for one in drawn_in([*other, *log])] == log


def test_alike_carriers_look_alike() -> None:
    """Weights alone make none look better."""
    log = drawn_in(synthetic(20_000, {"good": 0.7, "poor": 0.7}, {"good": 1, "poor": 9}))
    one, two = replayed(Always("good"), log, {}), replayed(Always("poor"), log, {})
    assert abs(one.share - two.share) < one.uncertainty + two.uncertainty
    assert abs(one.messages - two.messages) < 300
