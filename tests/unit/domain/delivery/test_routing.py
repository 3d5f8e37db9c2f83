from onema.domain.configuration import documents as doc
from onema.domain.delivery.routing import plan_route
from onema.domain.records import Channel
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
    return [carrier.name for carrier in plan_route(DIRECTORY, channel, phone)]


def test_the_longest_prefix_comes_first_then_the_lowest_priority() -> None:
    """An inactive carrier is left out; the rest follows as the way round."""
    assert names(Channel.SMS, "+84901888484") == ["mobile", "vietnam", "spare", "world"]


def test_other_numbers_take_the_general_route() -> None:
    """`+` is every number."""
    assert names(Channel.SMS, "+8613911281234") == ["world"]


def test_each_channel_has_its_own_routes() -> None:
    """A call does not go where SMS go."""
    assert names(Channel.CALL, "+84901888484") == ["spare"]
