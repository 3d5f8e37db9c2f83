"""Carriers are chosen by what they made of codes, where their routes say so."""

from collections import Counter

import pytest

from onema.domain.configuration import documents as doc
from onema.domain.configuration.directory import Directory
from onema.domain.delivery.results import BORROWED, Results, drawn_share, lot
from onema.domain.delivery.routing import plan_route
from onema.domain.records import Channel
from onema.domain.values.phone import Phone
from onema.testing.pure_store import context_of

PHONE = Phone("+84901888484")
MOBIFONE = ("MobiFone", "+84901")


def directory(**costs: int) -> Directory:
    """Two carriers, whose routes go by result."""
    documents = [
        document
        for name in ("good", "poor")
        for document in (
            doc.Carrier(name=name, type="handset"),
            doc.Route(channel="sms", carrier=name, by_result=True, cost_per_mille=costs.get(name, 0)),
        )
    ]
    return context_of(*documents).directory


def results(good: tuple[int, int], poor: tuple[int, int]) -> Results:
    found = Results()
    found.add("sms", "good", *MOBIFONE, *good)
    found.add("sms", "poor", *MOBIFONE, *poor)
    return found


def chosen(directory: Directory, found: Results | None, messages: int = 2_000) -> Counter[str]:
    return Counter(
        plan_route(directory, Channel.SMS, PHONE, message, results=found).choices[0].carrier.name
        for message in range(messages)
    )


def test_the_better_carrier_gets_nearly_all_once_that_is_sure() -> None:
    """And the other still gets some while it may be as good."""
    assert chosen(directory(), results((2_000, 1_700), (2_000, 1_000)))["good"] == 2_000
    unsure = chosen(directory(), results((20, 17), (20, 12)))
    assert 1_500 < unsure["good"] < 2_000


def test_of_carriers_nobody_knows_each_is_tried_alike() -> None:
    """Nothing is believed of them yet."""
    assert 900 < chosen(directory(), Results())["good"] < 1_100


def test_what_a_message_costs_is_taken_off() -> None:
    """A tenth more codes is not worth two tenths of what each is worth."""
    found = results((5_000, 4_500), (5_000, 4_000))
    assert chosen(directory(good=200), found)["poor"] == 2_000
    assert chosen(directory(good=50), found)["good"] == 2_000


def test_every_process_chooses_the_same_and_says_why() -> None:
    """The draw is made of the message's id and the carriers' names."""
    found, same = results((30, 20), (30, 18)), results((30, 20), (30, 18))
    for message in range(50):
        one = plan_route(directory(), Channel.SMS, PHONE, message, results=found)
        assert one == plan_route(directory(), Channel.SMS, PHONE, message, results=same)
        assert one.choices[0].why.startswith("route +, priority 0, by result 0.")
        assert len(one.choices) == 2


def test_weights_decide_where_not_all_routes_go_by_result_or_nothing_is_known() -> None:
    """By weight is what routes do unless somebody says otherwise."""
    found = results((2_000, 1_700), (2_000, 1_000))
    assert 900 < chosen(directory(), None)["good"] < 1_100
    mixed = context_of(
        doc.Carrier(name="good", type="handset"),
        doc.Carrier(name="poor", type="handset"),
        doc.Route(channel="sms", carrier="good", by_result=True),
        doc.Route(channel="sms", carrier="poor", weight=3),
    ).directory
    assert 1_400 < chosen(mixed, found)["poor"] < 1_600


def test_a_carrier_is_believed_of_one_operator_what_it_showed_at_others_until_it_shows_more() -> None:
    """A new prefix begins with what is known of its operator, and an operator with what is known of the carrier."""
    found = Results()
    found.add("sms", "good", *MOBIFONE, 1_000, 800)
    share, weight = found.expected("sms", "good", "Viettel", "+84981")
    assert (round(share, 2), weight) == (0.80, BORROWED)
    found.add("sms", "good", "Viettel", "+84981", 1_000, 100)
    assert found.expected("sms", "good", "Viettel", "+84981")[0] == pytest.approx(0.11, abs=0.02)
    assert found.expected("sms", "good", *MOBIFONE)[0] == pytest.approx(0.80, abs=0.02)


def test_draws_spread_as_what_is_believed() -> None:
    """About the share, by as much as so many codes leave open: its root of p(1-p)/n."""
    draws = [drawn_share(0.8, 100, lot(message, "good")) for message in range(4_000)]
    mean = sum(draws) / len(draws)
    deviation = (sum((draw - mean) ** 2 for draw in draws) / len(draws)) ** 0.5
    assert mean == pytest.approx(0.8, abs=0.01)
    assert deviation == pytest.approx(0.04, abs=0.004)
    assert all(
        0 <= drawn_share(share, 2, lot(message, "x")) <= 1 for share in (0, 1) for message in range(99)
    )
