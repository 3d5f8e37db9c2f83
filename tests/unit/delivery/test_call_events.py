"""What is written down, and told, of calls while they last."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from types import MappingProxyType

import pytest

from onema.channels.contract import CallEvent, Outgoing
from onema.delivery.call_events import CallEventRecorder
from onema.delivery.callback_client import CallbackClient
from onema.delivery.callback_contract import CallbackRequest, NotTold, tells_of_calls
from onema.delivery.callbacks import CallbackSender
from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import Configure
from onema.domain.delivery.call import CallFacts, CallState
from onema.domain.delivery.call_news import CallNews, Told
from onema.domain.delivery.callback_try import NOT_TOLD, callback_try
from onema.domain.delivery.endings import ended
from onema.domain.delivery.outcome import Ending
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import Call, Message, MessageState
from onema.testing.recording_carrier import RecordingCarrier

from .conftest import LEASE_MS, DeliveryRig
from .test_callbacks import Receiver

FACTS = CallFacts(ring_seconds=2.0, talk_seconds=7.0, keys="1", status=200)
ANSWERED = ended(Ending.ANSWERED, call=FACTS)
ALL_STATES = Told(frozenset({CallState.RINGING, CallState.ANSWERED, CallState.ENDED}))


class Renderer:
    """Of an API that tells of calls on their way."""

    endings: Mapping[Ending, str] = MappingProxyType({})

    def __init__(self, *, told: Told = ALL_STATES, declines: bool = False) -> None:
        self.told_of_calls = told
        self._declines = declines

    def render(self, message: Message, url: str, call: Call | None = None) -> CallbackRequest | NotTold:
        if self._declines:
            return NotTold("its application is a sandbox's")
        return CallbackRequest("GET", f"{url}?end={message.state}")

    def render_call(
        self, message: Message, call: Call, news: CallNews, url: str
    ) -> CallbackRequest | NotTold:
        if self._declines:
            return NotTold("its application is a sandbox's")
        return CallbackRequest("GET", f"{url}?call={news.attempt}-{news.state}-{news.keys}-{call.carrier}")


class TellsItsEnd:
    """Of an API that tells of no call on its way."""

    endings: Mapping[Ending, str] = MappingProxyType({})

    def render(self, message: Message, url: str, call: Call | None = None) -> CallbackRequest:
        return CallbackRequest("GET", f"{url}?end={message.state}")


class Trunk(RecordingCarrier):
    """Tells how far its calls are, just before they end."""

    def __init__(self, record: Callable[[CallEvent], None], *told: tuple[CallState, str]) -> None:
        super().__init__("trunk", ANSWERED)
        self._record = record
        self._told = told
        self.before_answer = self._tell

    def _tell(self, outgoing: Outgoing) -> None:
        for at, (state, keys) in enumerate(self._told):
            self._record(
                CallEvent(
                    self.name, outgoing.account, outgoing.message, outgoing.attempt, state, 1_000 + at, keys
                )
            )


ALL = (
    (CallState.CALLING, ""),
    (CallState.RINGING, ""),
    (CallState.ANSWERED, ""),
    (CallState.ANSWERED, "1"),
)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    await receiver.start()
    yield receiver
    await receiver.stop()


async def talk(
    rig: DeliveryRig,
    receiver: Receiver,
    renderer: Renderer | TellsItsEnd,
    *,
    states: str = "",
    end: bool = True,
) -> int:
    """A call that is answered, of an application that has a URL."""
    tells = tells_of_calls({"test": renderer})
    trunk = Trunk(CallEventRecorder(rig.gateway, tells), *ALL)
    await rig.configure(trunk)
    url = receiver.url if end else ""
    application = doc.Application(account="acme", name="app", callback_url=url, call_state_url=states)
    await rig.gateway.execute(Configure(entropy=secrets.token_bytes(32), documents=(application,)))
    client = CallbackClient(seconds=LEASE_MS / 3000, now=rig.clock.now, private_targets=True)
    rig.closing.push_async_callback(client.close)
    sender = CallbackSender(rig.gateway, rig.storage, {"test": renderer}, client)
    await rig.start(trunk, callbacks=sender, tells=tells)
    identifier = await rig.call()
    await rig.reaches(identifier, MessageState.DELIVERED)
    return identifier


async def tries(rig: DeliveryRig, identifier: int, count: int) -> list[str]:
    async with asyncio.timeout(20):
        while True:
            events = (await rig.story(identifier)).events
            found = [tried.in_words.partition(" (")[0] for event in events if (tried := callback_try(event))]
            if len(found) >= count:
                return sorted(found)
            await rig.settled()


async def test_events_are_written_down_before_the_outcome_that_comes_at_once(rig: DeliveryRig) -> None:
    """However fast a call is over, no state of it is lost, and the outcome has the last word."""
    trunk = Trunk(CallEventRecorder(rig.gateway, {}), *ALL)
    await rig.configure(trunk)
    await rig.start(trunk)
    identifier = await rig.call()
    await rig.reaches(identifier, MessageState.DELIVERED)
    (row,) = (await rig.story(identifier)).calls
    assert (row.state, row.ringing_at, row.answered_at, row.keys) == (CallState.ENDED, 1_001, 1_002, "1")
    assert (row.ring_ms, row.talk_ms, row.status, row.ending) == (2_000, 7_000, 200, Ending.ANSWERED)


async def test_an_integrator_is_told_of_a_call_as_its_api_tells(rig: DeliveryRig, receiver: Receiver) -> None:
    """Each state that it tells, and the message's end besides; the log of callbacks says which was which."""
    identifier = await talk(rig, receiver, Renderer())
    assert await tries(rig, identifier, 4) == [
        "answered: delivered",
        "delivered",
        "ended: delivered",
        "ringing: delivered",
    ]
    assert sorted(request.split()[1] for request in receiver.requests) == [
        "/told?call=1-answered--trunk",
        "/told?call=1-ended-1-trunk",
        "/told?call=1-ringing--trunk",
        "/told?end=delivered",
    ]


async def test_states_may_have_a_url_of_their_own(rig: DeliveryRig, receiver: Receiver) -> None:
    """The end is told where ends are."""
    identifier = await talk(rig, receiver, Renderer(), states=f"{receiver.url}/states")
    await tries(rig, identifier, 4)
    assert sorted(request.split()[1].partition("?")[0] for request in receiver.requests) == [
        "/told",
        *3 * ["/told/states"],
    ]


async def test_states_may_be_told_without_the_end(rig: DeliveryRig, receiver: Receiver) -> None:
    """Where there is a URL for them alone."""
    identifier = await talk(rig, receiver, Renderer(), states=receiver.url, end=False)
    assert await tries(rig, identifier, 3) == [
        "answered: delivered",
        "ended: delivered",
        "ringing: delivered",
    ]


async def test_keys_are_told_to_whoever_asked_for_them(rig: DeliveryRig, receiver: Receiver) -> None:
    """A key that is pressed is news of its own."""
    identifier = await talk(rig, receiver, Renderer(told=Told(keys=True)))
    assert await tries(rig, identifier, 2) == ["delivered", "key pressed: delivered"]
    assert "GET /told?call=1-answered-1-trunk HTTP/1.1" in receiver.requests


async def test_an_api_that_tells_nothing_of_calls_costs_nothing(rig: DeliveryRig, receiver: Receiver) -> None:
    """No job is made for what nobody is told."""
    identifier = await talk(rig, receiver, TellsItsEnd())
    assert await tries(rig, identifier, 1) == ["delivered"]
    assert receiver.requests == ["GET /told?end=delivered HTTP/1.1"]


async def test_an_api_may_decline_to_tell(rig: DeliveryRig, receiver: Receiver) -> None:
    """The story says why nobody was told, and nothing is sent."""
    identifier = await talk(rig, receiver, Renderer(declines=True, told=Told(frozenset({CallState.RINGING}))))
    told = f"its application is a sandbox's; {NOT_TOLD}"
    assert await tries(rig, identifier, 2) == [told, f"ringing: {told}"]
    assert receiver.requests == []


async def test_a_receiver_that_fails_is_told_of_a_state_again(rig: DeliveryRig, receiver: Receiver) -> None:
    """As of every callback."""
    receiver.statuses = [500]
    identifier = await talk(rig, receiver, Renderer(told=Told(frozenset({CallState.RINGING}))))
    await receiver.was_told(2)
    rig.clock.advance(10)
    await receiver.was_told(3)
    assert len(await tries(rig, identifier, 3)) == 3


async def test_an_event_that_cannot_be_kept_is_no_fault_of_its_call(rig: DeliveryRig) -> None:
    """What comes of a message that is gone, or after the end, is passed over."""
    record = CallEventRecorder(rig.gateway, {})
    record(CallEvent("trunk", AccountId(1), MessageId(4_711), 1, CallState.RINGING, 1_000))
    await rig.settled()
    assert await rig.storage.read([(Call, 1, 4_711, 1)]) == {}
