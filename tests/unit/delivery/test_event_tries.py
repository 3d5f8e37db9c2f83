"""Events of our own API on their way, through jobs, sockets and the store: docs/callbacks.md."""

from collections.abc import AsyncIterator

import pytest

from onema.delivery.patience import EVENTS
from onema.domain.delivery.callback_try import AGAIN, DELIVERED, GIVEN_UP, CallbackTry

from .conftest import DeliveryRig
from .test_callbacks import Receiver, Renderer, deliver_and_tell, tries


class EventRenderer(Renderer):
    patience = EVENTS


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    await receiver.start()
    yield receiver
    await receiver.stop()


async def test_whatever_a_receiver_says_it_is_told_again_the_next_day(
    rig: DeliveryRig, receiver: Receiver
) -> None:
    """A 404 may be a server that is being replaced; only the last of eight tries ends it."""
    receiver.statuses = [404, 401, 500, 302, 503, 404, 404, 404]
    identifier = await deliver_and_tell(rig, receiver, EventRenderer())
    began = rig.clock.now()
    for number, pause in enumerate(EVENTS.pauses, start=1):
        found = await tries(rig, identifier, number)
        assert found[-1].then == AGAIN
        rig.clock.advance(pause * (1 + EVENTS.jitter))
    found = await tries(rig, identifier, 8)
    assert [one.status for one in found] == [404, 401, 500, 302, 503, 404, 404, 404]
    assert found[-1].then == GIVEN_UP
    assert rig.clock.now() - began > 86_400_000


async def test_no_event_is_told_sooner_than_the_receiver_asks(rig: DeliveryRig, receiver: Receiver) -> None:
    """Two hours are more than any vendor's pause, and longer than the first of ours."""
    receiver.statuses, receiver.headers = [429], "retry-after: 7200\r\n"
    identifier = await deliver_and_tell(rig, receiver, EventRenderer())
    await tries(rig, identifier, 1)
    due = rig.clock.now() + 7_200_000
    assert await rig.storage.lease_callbacks(due - 1, due, 10, 10) == []
    rig.clock.advance(7_200)
    assert (await tries(rig, identifier, 2))[-1] == CallbackTry("127.0.0.1", 200, 0, "", DELIVERED)
