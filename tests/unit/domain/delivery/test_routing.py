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
    return [choice.carrier.name for choice in plan_route(DIRECTORY, channel, Phone(phone)).choices]


def test_the_longest_prefix_comes_first_then_the_lowest_priority() -> None:
    """An inactive carrier is left out; the rest follows as the way round."""
    assert names(Channel.SMS, "+84901888484") == ["mobile", "vietnam", "spare", "world"]


def test_a_plan_says_why_each_carrier_is_in_it_or_not() -> None:
    """Its route; and whoever would come first and takes nothing now."""
    plan = plan_route(DIRECTORY, Channel.SMS, Phone("+84901888484"), lambda carrier: carrier != "mobile")
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
    plan = plan_route(DIRECTORY, Channel.SMS, Phone("+84901888484"))
    firsts = [plan.from_turn(turn).choices[0].carrier.name for turn in range(5)]
    assert firsts == ["mobile", "vietnam", "spare", "world", "mobile"]


def test_other_numbers_take_the_general_route() -> None:
    """`+` is every number."""
    assert names(Channel.SMS, "+8613911281234") == ["world"]


def test_each_channel_has_its_own_routes() -> None:
    """A call does not go where SMS go."""
    assert names(Channel.CALL, "+84901888484") == ["spare"]
