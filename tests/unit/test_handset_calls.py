import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from onema.channels.handset.calls import CallState, HandsetCalls, LiveCall
from onema.channels.handset.scripted_numbers import Script
from onema.domain.delivery import call as told
from onema.domain.delivery.outcome import Ending, Outcome, OutcomeKind
from onema.domain.delivery.payload import CallPayload
from onema.domain.ids import MessageId
from onema.domain.values.phone import Phone

CALL = CallPayload(Phone("+84901888484"), "+842471000001", "en", "123456", None, 1, 1.0, 60, 0)
LONG = 3600.0


class Watcher:
    """A handset page: sees every state that a call passes through."""

    def __init__(self, calls: HandsetCalls) -> None:
        self._calls = calls
        self.seen: list[LiveCall] = []
        self._news = asyncio.Condition()
        self.task = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while True:
            await self._calls.changed(5.0)
            async with self._news:
                self.seen += [call for call in self._calls.states.values() if call not in self.seen]
                self._news.notify_all()

    async def sees(self, wanted: Callable[[LiveCall], bool]) -> LiveCall:
        async with self._news:
            await self._news.wait_for(lambda: any(map(wanted, self.seen)))
        return next(filter(wanted, self.seen))

    async def sees_state(self, state: CallState) -> LiveCall:
        return await self.sees(lambda call: call.state is state)


@pytest.fixture
async def calls() -> HandsetCalls:
    return HandsetCalls(lambda: 1_000, ring_seconds=30.0)


@pytest.fixture
async def watcher(calls: HandsetCalls) -> AsyncIterator[Watcher]:
    watcher = Watcher(calls)
    await asyncio.sleep(0)
    yield watcher
    watcher.task.cancel()
    await asyncio.gather(watcher.task, return_exceptions=True)


def placed(
    calls: HandsetCalls, seconds: float = LONG, script: Script = Script.DELIVERED
) -> asyncio.Task[Outcome]:
    return asyncio.create_task(calls.place(MessageId(7), CALL, seconds, script))


async def test_where_nobody_watches_a_call_is_taken_at_once(calls: HandsetCalls) -> None:
    """A test suite or a benchmark does not wait for a person; the whole message counts as talked."""
    outcome = await calls.place(MessageId(7), CALL, LONG, Script.DELIVERED)
    assert (outcome.kind, outcome.seconds) == (OutcomeKind.DELIVERED, LONG)
    assert not calls.states


async def test_a_call_rings_is_answered_and_hung_up(calls: HandsetCalls, watcher: Watcher) -> None:
    """What was talked is what counts, not the length of the message."""
    call = placed(calls)
    assert (await watcher.sees_state(CallState.RINGING)).caller == CALL.caller
    assert await calls.answer(7)
    assert (await watcher.sees_state(CallState.TALKING)).answered_at == 1_000
    assert await calls.decline(7)
    outcome = await call
    assert (outcome.kind, outcome.ending) == (OutcomeKind.DELIVERED, Ending.HUNG_UP)
    assert outcome.seconds < 30
    await watcher.sees_state(CallState.ENDED)


async def test_a_call_ends_with_its_message(calls: HandsetCalls, watcher: Watcher) -> None:
    """Nobody has to hang up."""
    call = placed(calls, seconds=0.01)
    await watcher.sees_state(CallState.RINGING)
    assert await calls.answer(7)
    outcome = await call
    assert (outcome.ending, outcome.seconds <= 0.01) == (Ending.ANSWERED, True)


async def test_a_declined_call_costs_nothing(calls: HandsetCalls, watcher: Watcher) -> None:
    """It is undelivered, and says why."""
    call = placed(calls)
    await watcher.sees_state(CallState.RINGING)
    assert await calls.decline(7)
    outcome = await call
    assert (outcome.kind, outcome.ending, outcome.seconds) == (OutcomeKind.UNDELIVERED, Ending.DECLINED, 0.0)


async def test_keys_are_heard_while_talking(calls: HandsetCalls, watcher: Watcher) -> None:
    """Not before, and in order."""
    call = placed(calls)
    await watcher.sees_state(CallState.RINGING)
    assert not await calls.press(7, "1")
    assert await calls.answer(7)
    await watcher.sees_state(CallState.TALKING)
    assert await calls.press(7, "1")
    assert await calls.press(7, "#")
    assert (await watcher.sees(lambda seen: seen.digits == "1#")).state is CallState.TALKING
    assert await calls.decline(7)
    await call


async def test_a_phone_that_nobody_touches_answers_by_itself() -> None:
    """Numbers without a script just work, also while a page is open."""
    calls = HandsetCalls(lambda: 1_000, ring_seconds=0.01)
    watcher = Watcher(calls)
    await asyncio.sleep(0)
    assert (await calls.place(MessageId(7), CALL, 0.01, Script.DELIVERED)).kind is OutcomeKind.DELIVERED
    watcher.task.cancel()
    await asyncio.gather(watcher.task, return_exceptions=True)


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize(
    ("script", "ending", "talked"),
    [
        (Script.BUSY, Ending.BUSY, False),
        (Script.NO_ANSWER, Ending.NO_ANSWER, False),
        (Script.DECLINED, Ending.DECLINED, False),
        (Script.VOICEMAIL, Ending.VOICEMAIL, True),
    ],
)
async def test_scripted_phones_do_what_they_say(
    script: Script, ending: Ending, talked: bool, watched: bool
) -> None:
    """With or without somebody who watches; a voicemail is talked to, and paid."""
    calls = HandsetCalls(lambda: 1_000, ring_seconds=0.01)
    watcher = Watcher(calls) if watched else None
    await asyncio.sleep(0)
    outcome = await calls.place(MessageId(7), CALL, 0.01, script)
    assert (outcome.kind, outcome.ending) == (OutcomeKind.UNDELIVERED, ending)
    assert bool(outcome.seconds) == talked
    if watcher is not None:
        watcher.task.cancel()
        await asyncio.gather(watcher.task, return_exceptions=True)


async def test_a_call_is_answered_once(calls: HandsetCalls, watcher: Watcher) -> None:
    """The second of two browsers is told that the call is in no state for it."""
    call = placed(calls)
    await watcher.sees_state(CallState.RINGING)
    assert [await calls.answer(7), await calls.answer(7)] == [True, False]
    assert not await calls.answer(8)
    await watcher.sees_state(CallState.TALKING)
    assert await calls.decline(7)
    await call


class Told:
    """What the phone's carrier hears of a call."""

    def __init__(self) -> None:
        self.heard: list[tuple[told.CallState, int, str]] = []

    def __call__(self, state: told.CallState, at: int, keys: str) -> None:
        self.heard.append((state, at, keys))


@pytest.mark.parametrize(
    ("script", "states"),
    [
        (Script.DELIVERED, ["calling", "ringing", "answered"]),
        (Script.VOICEMAIL, ["calling", "ringing", "answered"]),
        (Script.BUSY, ["calling"]),
        (Script.NO_ANSWER, ["calling", "ringing"]),
        (Script.DECLINED, ["calling", "ringing"]),
    ],
)
async def test_how_far_a_call_is_is_told_where_nobody_watches_too(
    calls: HandsetCalls, script: Script, states: list[str]
) -> None:
    """As of a trunk: whoever tries an integration sees all of it."""
    heard = Told()
    outcome = await calls.place(MessageId(7), CALL, 5.0, script, heard)
    assert [state for state, _, _ in heard.heard] == states
    assert outcome.call is not None
    assert outcome.seconds == outcome.call.talk_seconds == (5.0 if "answered" in states else 0.0)


async def test_what_a_person_does_is_told_as_it_happens(calls: HandsetCalls, watcher: Watcher) -> None:
    """Each key with all before it; in the end how long it rang and was talked, and the keys."""
    heard = Told()
    call = asyncio.create_task(calls.place(MessageId(7), CALL, LONG, Script.DELIVERED, heard))
    await watcher.sees_state(CallState.RINGING)
    await calls.answer(7)
    await watcher.sees_state(CallState.TALKING)
    await calls.press(7, "1")
    await calls.press(7, "#")
    await calls.decline(7)
    outcome = await call
    assert heard.heard == [
        (told.CallState.CALLING, 1_000, ""),
        (told.CallState.RINGING, 1_000, ""),
        (told.CallState.ANSWERED, 1_000, ""),
        (told.CallState.ANSWERED, 1_000, "1"),
        (told.CallState.ANSWERED, 1_000, "1#"),
    ]
    assert outcome.call is not None
    assert outcome.call.keys == "1#"
    assert 0 < outcome.call.ring_seconds < 30
