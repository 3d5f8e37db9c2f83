import math
from collections import Counter

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from onema.domain.configuration import documents as doc
from onema.domain.delivery.routing import plan_route
from onema.domain.records import Channel
from onema.domain.values.phone import Phone
from onema.testing.pure_store import context_of


def carrier(name: str, state: doc.State = "active") -> doc.Carrier:
    return doc.Carrier(name=name, type="test", state=state)


DIRECTORY = context_of(
    carrier("world"),
    carrier("vietnam"),
    carrier("mobile"),
    carrier("spare"),
    carrier("broken", "inactive"),
    doc.Route(channel="sms", carrier="world"),
    doc.Route(channel="sms", carrier="spare", prefix="+84", priority=2),
    doc.Route(channel="sms", carrier="vietnam", prefix="+84", priority=1),
    doc.Route(channel="sms", carrier="mobile", prefix="+8490"),
    doc.Route(channel="sms", carrier="broken", prefix="+84901"),
    doc.Route(channel="call", carrier="spare"),
).directory


def names(channel: Channel, phone: str) -> list[str]:
    return [choice.carrier.name for choice in plan_route(DIRECTORY, channel, Phone(phone), 1).choices]


def test_the_longest_prefix_comes_first_then_the_lowest_priority() -> None:
    """An inactive carrier is left out; the rest follows as the way round."""
    assert names(Channel.SMS, "+84901888484") == ["mobile", "vietnam", "spare", "world"]


def test_a_plan_says_why_each_carrier_is_in_it_or_not() -> None:
    """Its route; and whoever would come first and takes nothing now."""
    plan = plan_route(DIRECTORY, Channel.SMS, Phone("+84901888484"), 1, lambda carrier: carrier != "mobile")
    assert [(one.carrier.name, one.why) for one in plan.choices] == [
        ("vietnam", "route +84, priority 1"),
        ("spare", "route +84, priority 2"),
        ("world", "route +, priority 0"),
    ]
    assert [(one.carrier, one.why) for one in plan.skipped] == [
        ("broken", "not active"),
        ("mobile", "not ready"),
    ]


def test_each_carrier_of_a_plan_has_its_turn() -> None:
    """Then they begin from the front again."""
    plan = plan_route(DIRECTORY, Channel.SMS, Phone("+84901888484"), 1)
    firsts = [plan.from_turn(turn).choices[0].carrier.name for turn in range(5)]
    assert firsts == ["mobile", "vietnam", "spare", "world", "mobile"]


def test_other_numbers_take_the_general_route() -> None:
    """`+` is every number."""
    assert names(Channel.SMS, "+8613911281234") == ["world"]


def test_each_channel_has_its_own_routes() -> None:
    """A call does not go where SMS go."""
    assert names(Channel.CALL, "+84901888484") == ["spare"]


def test_calls_are_routed_as_texts_are() -> None:
    """Longest prefix, then priority, then weight; trunks that are not ready are passed over."""
    trunks = [carrier(name) for name in ("world", "vietnam", "mobile", "spare")]
    routes = [
        doc.Route(channel="call", carrier="world"),
        doc.Route(channel="call", carrier="spare", prefix="+84", priority=1, weight=0),
        doc.Route(channel="call", carrier="vietnam", prefix="+84", priority=1),
        doc.Route(channel="call", carrier="mobile", prefix="+8490", priority=5),
        doc.Route(channel="sms", carrier="spare", prefix="+849"),
    ]
    directory = context_of(*trunks, *routes).directory
    for message in range(20):
        plan = plan_route(directory, Channel.CALL, Phone("+84901888484"), message)
        assert [one.carrier.name for one in plan.choices] == ["mobile", "vietnam", "spare", "world"]
    plan = plan_route(directory, Channel.CALL, Phone("+84901888484"), 1, lambda name: name != "mobile")
    assert plan.choices[0].carrier.name == "vietnam"
    assert [(one.carrier, one.why) for one in plan.skipped] == [("mobile", "not ready")]


def order(weights: list[int], message: int, *, without: str = "") -> list[str]:
    """Of carriers c0, c1 ... whose routes are alike but for these weights."""
    documents = [
        document
        for number, weight in enumerate(weights)
        if f"c{number}" != without
        for document in (
            carrier(f"c{number}"),
            doc.Route(channel="sms", carrier=f"c{number}", prefix="+84", priority=1, weight=weight),
        )
    ]
    plan = plan_route(context_of(*documents).directory, Channel.SMS, Phone("+84901888484"), message)
    return [choice.carrier.name for choice in plan.choices]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=5), st.integers(1, 2**63 - 1))
def test_a_message_takes_carriers_of_equal_rank_in_the_same_order_whenever_it_is_asked(
    weights: list[int], message: int
) -> None:
    """Each once, those of weight 0 last; one that is taken away changes nothing among the others."""
    drawn = order(weights, message)
    assert drawn == order(weights, message)
    assert sorted(drawn) == [f"c{number}" for number in range(len(weights))]
    weightless = [name for name in drawn if not weights[int(name[1:])]]
    assert drawn[len(drawn) - len(weightless) :] == sorted(weightless)
    assert order(weights, message, without=drawn[0]) == drawn[1:]


MESSAGES = 1_000


@settings(max_examples=15)
@given(st.lists(st.integers(1, 100), min_size=2, max_size=4), st.integers(0, 2**40))
def test_each_carrier_comes_first_as_often_as_its_weight_says(weights: list[int], first: int) -> None:
    """Over messages whose ids follow each other, as those of one moment do; and so it is for whoever comes next."""
    documents = [
        document
        for number, weight in enumerate(weights)
        for document in (carrier(f"c{number}"), doc.Route(channel="sms", carrier=f"c{number}", weight=weight))
    ]
    directory = context_of(*documents).directory
    came: Counter[str] = Counter()
    for message in range(first, first + MESSAGES):
        came[plan_route(directory, Channel.SMS, Phone("+84901888484"), message).choices[0].carrier.name] += 1
    for number, weight in enumerate(weights):
        share = weight / sum(weights)
        # Six standard deviations: chance alone reaches that once in 500 million times.
        assert abs(came[f"c{number}"] - share * MESSAGES) <= 6 * math.sqrt(MESSAGES * share * (1 - share)) + 1


def test_a_plan_says_with_which_weight_a_carrier_was_drawn() -> None:
    """Of how many in all; one that had nothing to draw with says nothing of it."""
    directory = context_of(
        carrier("a"),
        carrier("b"),
        carrier("spare"),
        doc.Route(channel="sms", carrier="a", prefix="+84", priority=1, weight=80),
        doc.Route(channel="sms", carrier="b", prefix="+84", priority=1, weight=20),
        doc.Route(channel="sms", carrier="spare", prefix="+84", priority=2, weight=7),
    ).directory
    plan = plan_route(directory, Channel.SMS, Phone("+84901888484"), 1)
    assert {one.carrier.name: one.why for one in plan.choices} == {
        "a": "route +84, priority 1, weight 80 of 100",
        "b": "route +84, priority 1, weight 20 of 100",
        "spare": "route +84, priority 2",
    }


@pytest.mark.parametrize("message", [0, 1, 2**63 - 1])
def test_any_id_draws(message: int) -> None:
    """Also the smallest and the largest."""
    assert sorted(order([3, 1], message)) == ["c0", "c1"]
