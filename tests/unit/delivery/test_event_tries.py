"""Events of our own API on their way, through jobs, sockets and the store: docs/callbacks.md."""

from collections.abc import AsyncIterator

import pytest

from onema.administration.answers import Administration
from onema.administration.customer_requests import PutAddressOnline, ReadAddresses
from onema.administration.requests import ReplayCallbacks
from onema.delivery.patience import EVENTS
from onema.domain.delivery.callback_try import AGAIN, DELIVERED, GIVEN_UP, NOT_TOLD, CallbackTry
from onema.domain.ids import MessageId
from onema.domain.records import MessageState

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


async def test_an_address_that_is_gone_is_told_of_nothing_more(rig: DeliveryRig, receiver: Receiver) -> None:
    """Until somebody puts it online: what waited meanwhile says why it was not told, and is told by a replay."""
    receiver.statuses = [410]
    first = await deliver_and_tell(rig, receiver, EventRenderer())
    assert await tries(rig, first, 1) == [CallbackTry("127.0.0.1", 410, 0, "HTTP 410", GIVEN_UP)]
    second = await rig.send()
    await rig.reaches(second, MessageState.DELIVERED)
    off = CallbackTry("127.0.0.1", problem="the address answered 410 and is switched off", then=NOT_TOLD)
    assert await tries(rig, second, 1) == [off]
    assert len(receiver.requests) == 1
    desk = Administration(rig.gateway, rig.storage)
    (address,) = await desk.answer(ReadAddresses(account="acme"))
    assert (address.application, address.host, address.gone_at > 0) == ("", "127.0.0.1", True)
    (entry,) = await rig.storage.read_audit("acme", (2**63 - 1, 2**63 - 1), 10)
    assert (entry.what, entry.how, entry.subject) == (
        "switch_address_off",
        "server",
        "callback address at 127.0.0.1",
    )
    assert await desk.answer(PutAddressOnline(account="acme")) is True
    await desk.answer(ReplayCallbacks(messages=(MessageId(second),), account="acme"))
    await receiver.was_told(2)
    assert (await tries(rig, second, 3))[-1].then == DELIVERED
    assert [one.gone_at for one in await desk.answer(ReadAddresses(account="acme"))] == [0]


async def test_a_vendors_callback_that_is_answered_410_switches_nothing_off(
    rig: DeliveryRig, receiver: Receiver
) -> None:
    """Of the vendors none says that it would."""
    receiver.statuses = [410]
    first = await deliver_and_tell(rig, receiver)
    await tries(rig, first, 1)
    second = await rig.send()
    await rig.reaches(second, MessageState.DELIVERED)
    assert (await tries(rig, second, 1))[-1].then == DELIVERED
