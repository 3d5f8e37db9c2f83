"""Calls on the simulated phone: they ring where somebody watches, and are taken at once where nobody does."""

import asyncio
import contextlib
import enum
from collections.abc import Callable, Mapping
from types import MappingProxyType

import msgspec

from onema.channels.handset.scripted_numbers import Script
from onema.domain.delivery import call as told
from onema.domain.delivery.endings import ended
from onema.domain.delivery.outcome import Ending, Outcome
from onema.domain.delivery.payload import CallPayload
from onema.domain.ids import MessageId
from onema.domain.values.phone import Phone

RING_SECONDS = 10.0
"""A phone that nobody touches answers by itself after this long."""

SHOW_ENDED_SECONDS = 5.0
_WATCHED_UNTIL_SECONDS = 2.0
# A timer may go off a little early.
_CLOCK_STEP_SECONDS = 0.1


class CallState(enum.Enum):
    RINGING = "ringing"
    TALKING = "talking"
    ENDED = "ended"


class LiveCall(msgspec.Struct, frozen=True, kw_only=True):
    """One call on the simulated phone now, or a moment ago; `id` is its message's.

    `answered_at` is Unix milliseconds, 0 before the answer. `ending` says in a few words how an ended call
    went ("declined", "no answer"); empty for one that was talked to its end.
    """

    id: int
    phone: Phone
    caller: str
    state: CallState
    answered_at: int = 0
    digits: str = ""
    ending: str = ""


Tell = Callable[[told.CallState, int, str], None]
"""Hears how far a call is, from when on (Unix ms), and all that was pressed in it."""


class _Line:
    """What happens to one call while it is live."""

    def __init__(self, call: LiveCall, tell: Tell) -> None:
        self.call = call
        self.tell = tell
        self.picked_up: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.hung_up = asyncio.Event()
        """Set by either side's end."""


_TALKED = (Ending.ANSWERED, Ending.VOICEMAIL)
_SCRIPTED_ENDINGS = {
    Script.BUSY: Ending.BUSY,
    Script.NO_ANSWER: Ending.NO_ANSWER,
    Script.DECLINED: Ending.DECLINED,
    Script.VOICEMAIL: Ending.VOICEMAIL,
}


class HandsetCalls:
    """Rings, talks and ends calls; the handset page answers, declines and presses keys.

    Where pages are shown by other processes too, somebody keeps `watched_elsewhere` true to them, and is called
    (`on_news`) when `states` or `watched` may have changed.
    """

    def __init__(self, now: Callable[[], int], ring_seconds: float = RING_SECONDS) -> None:
        self._now = now
        self._ring_seconds = ring_seconds
        self._lines: dict[int, _Line] = {}
        """By message, the calls that are live, and for a moment those that ended."""
        self._change = asyncio.Event()
        """Set and replaced with every change of a call, so that each watcher hears each once."""
        self._watchers = 0
        """How many wait in `changed` now."""
        self._last_watched = float("-inf")
        self.watched_elsewhere = False
        self.on_news: Callable[[], None] = lambda: None

    async def place(
        self,
        message: MessageId,
        payload: CallPayload,
        seconds: float,
        script: Script,
        tell: Tell = lambda state, at, keys: None,
    ) -> Outcome:
        """Call the phone and play `seconds` of audio to it; how the call went."""
        ending = _SCRIPTED_ENDINGS.get(script, Ending.ANSWERED)
        tell(told.CallState.CALLING, self._now(), "")
        if not (self.watched or self.watched_elsewhere):
            return self._taken_at_once(ending, seconds, tell)
        line = _Line(
            LiveCall(id=message, phone=payload.phone, caller=payload.caller, state=CallState.RINGING), tell
        )
        self._lines[message] = line
        try:
            if script is Script.BUSY:
                return self._ended(line, ending, told.CallFacts())
            self._changed()
            tell(told.CallState.RINGING, self._now(), "")
            return await self._ring(line, seconds, script, ending)
        finally:
            asyncio.get_running_loop().call_later(SHOW_ENDED_SECONDS, self._forget, message)

    def _taken_at_once(self, ending: Ending, seconds: float, tell: Tell) -> Outcome:
        """Nobody watches, so nobody need wait."""
        if ending is not Ending.BUSY:
            tell(told.CallState.RINGING, self._now(), "")
        if ending not in _TALKED:
            return ended(ending, call=told.CallFacts())
        tell(told.CallState.ANSWERED, self._now(), "")
        return ended(ending, call=told.CallFacts(talk_seconds=seconds))

    async def _ring(self, line: _Line, seconds: float, script: Script, ending: Ending) -> Outcome:
        time = asyncio.get_running_loop().time
        answered, rang_from = True, time()
        try:
            async with asyncio.timeout(self._ring_seconds):
                answered = await asyncio.shield(line.picked_up)
        except TimeoutError:
            answered = script not in (Script.NO_ANSWER, Script.DECLINED)
        started = time()
        rang = started - rang_from
        if not answered:
            facts = told.CallFacts(ring_seconds=rang)
            return self._ended(line, Ending.DECLINED if ending in _TALKED else ending, facts)
        self._update(line, state=CallState.TALKING, answered_at=self._now())
        line.tell(told.CallState.ANSWERED, line.call.answered_at, "")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await line.hung_up.wait()
        talked = min(seconds, time() - started)
        facts = told.CallFacts(ring_seconds=rang, talk_seconds=talked, keys=line.call.digits)
        if line.hung_up.is_set():
            ending = Ending.HUNG_UP
        return self._ended(
            line, ending if ending in (Ending.VOICEMAIL, Ending.HUNG_UP) else Ending.ANSWERED, facts
        )

    def _ended(self, line: _Line, ending: Ending, facts: told.CallFacts) -> Outcome:
        shown = "" if ending in (Ending.ANSWERED, Ending.HUNG_UP) else ending.value
        self._update(line, state=CallState.ENDED, ending=shown)
        return ended(ending, call=facts)

    # What the handset page does.

    @property
    def states(self) -> Mapping[int, LiveCall]:
        """Live calls by id. One that ended stays for a few seconds, so that every watcher sees its ending."""
        return MappingProxyType({number: line.call for number, line in self._lines.items()})

    @property
    def watched(self) -> bool:
        """Whether a page of this process is open: one that handles a change is back within a moment for the next."""
        idle = asyncio.get_running_loop().time() - self._last_watched
        return self._watchers > 0 or idle < _WATCHED_UNTIL_SECONDS

    def wake(self) -> None:
        """Let `changed` return: there is news from elsewhere."""
        change, self._change = self._change, asyncio.Event()
        change.set()

    async def changed(self, seconds: float) -> None:
        """Wait until `states` changes, at most `seconds`; counted from the coroutine's first step."""
        self._watchers += 1
        self.on_news()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._change.wait()
        finally:
            self._watchers -= 1
            loop = asyncio.get_running_loop()
            self._last_watched = loop.time()
            loop.call_later(_WATCHED_UNTIL_SECONDS + _CLOCK_STEP_SECONDS, self.on_news)

    async def answer(self, call: int) -> bool:
        return self._pick_up(call, True)

    async def decline(self, call: int) -> bool:
        """Refuse a call that rings, or hang up one that was answered."""
        line = self._lines.get(call)
        if line is not None and line.call.state is CallState.TALKING:
            line.hung_up.set()
            return True
        return self._pick_up(call, False)

    async def press(self, call: int, digit: str) -> bool:
        """Send one of 0-9, * and # to the caller."""
        line = self._lines.get(call)
        if line is None or line.call.state is not CallState.TALKING:
            return False
        self._update(line, digits=line.call.digits + digit)
        line.tell(told.CallState.ANSWERED, self._now(), line.call.digits)
        return True

    def _pick_up(self, call: int, answer: bool) -> bool:
        line = self._lines.get(call)
        if line is None or line.call.state is not CallState.RINGING or line.picked_up.done():
            return False
        line.picked_up.set_result(answer)
        return True

    def _update(self, line: _Line, **changes: object) -> None:
        line.call = msgspec.structs.replace(line.call, **changes)
        self._changed()

    def _forget(self, message: MessageId) -> None:
        if self._lines.pop(message, None) is not None:
            self._changed()

    def _changed(self) -> None:
        self.wake()
        self.on_news()
