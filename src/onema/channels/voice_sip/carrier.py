"""A carrier that is a SIP trunk: what the App process does of it. Calls themselves are the engine's (process.py)."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol

import msgspec

from onema.channels.contract import CallEvent, CallEvents, Figures, Outgoing, Share
from onema.channels.room import NoRoom, Room
from onema.channels.voice_sip import line as l
from onema.channels.voice_sip.configuration import Settings
from onema.channels.voice_sip.counts import Counts
from onema.channels.voice_sip.outcomes import answers_of, outcome_of
from onema.channels.voice_sip.process import SipEngine
from onema.channels.voice_sip.requests import NoCaller, invite_of
from onema.channels.voice_sip.trunks import trunk_of
from onema.domain.delivery.call import CallFacts, CallState
from onema.domain.delivery.endings import ended
from onema.domain.delivery.outcome import Ending, Outcome, OutcomeKind
from onema.domain.delivery.payload import CallPayload, Payload
from onema.speech.clip import Clip
from onema.speech.message import SpokenMessage

WAIT_SECONDS = 5.0
"""For room among the calls at once, and for a turn: then another carrier may be quicker."""
CLEAR_SECONDS = 40.0
"""What a call may take besides ringing and talking: a CANCEL that nobody answers (RFC 3261 §9.1), a hanging engine."""
FINISH_SECONDS = 1.0
"""How long a stop waits for calls that are up; then they are hung up."""
HANG_UP_SECONDS = 0.5
MOST_CALLS = 10_000
"""Of one process at once, where the carrier has no capacity."""
GATE_PAUSE = Clip.silence(1.5)
"""Between what is said again until the key is pressed."""


class Speaker(Protocol):
    """Joins the clips of calls."""

    def message(self, call: CallPayload) -> SpokenMessage:
        """Raises ValueError for what cannot be spoken."""


class _Call:
    """One that is under way."""

    __slots__ = ("answered_at", "ended", "moved_at", "outgoing", "ringing_at", "state")

    def __init__(self, outgoing: Outgoing, ended: "asyncio.Future[l.CallEnded | None]") -> None:
        self.outgoing = outgoing
        self.ended = ended
        """None: the engine went."""
        self.state: CallState | None = None
        self.ringing_at = self.answered_at = 0.0
        """Steady seconds; 0.0: not yet."""


class SipCarrier:
    """See channels/contract.py. Its capacity is calls at once over all processes.

    `steady` is seconds that only pass.
    """

    idempotent = False

    def __init__(
        self,
        name: str,
        settings: Settings,
        engine: SipEngine,
        speaker: Speaker,
        events: CallEvents,
        *,
        steady: Callable[[], float],
        clear_seconds: float = CLEAR_SECONDS,
    ) -> None:
        self.name = name
        self.trunk = trunk_of(name, settings)
        self._settings = settings
        self._answers = answers_of(settings.statuses)
        self._engine = engine
        self._speaker = speaker
        self._events = events
        self._steady = steady
        self._clear_seconds = clear_seconds
        self._room = Room(MOST_CALLS, steady)
        self._counts = Counts(steady)
        self._calls: dict[int, _Call] = {}
        """Those under way, by the engine's number."""
        self._told: l.TrunkTold | None = None
        """What the engine last said of the trunk; None: nothing, or it does not run."""
        self._started = False
        self._on_news: Callable[[], None] = lambda: None
        self._changed = asyncio.Event()
        """Set whenever it may have become ready, or was stopped."""

    # The contract.

    @property
    def ready(self) -> bool:
        return self._started and self._told is not None and self._told.ready

    @property
    def problem(self) -> str:
        if not self._started or self.ready:
            return ""
        return self._told.problem if self._told is not None else "its SIP engine does not run"

    async def start(self, on_news: Callable[[], None]) -> None:
        self._on_news = on_news
        if not self._started:
            self._started = True
            self._engine.join(self)

    def answer_seconds(self, payload: Payload) -> float:
        talk = payload.max_seconds if isinstance(payload, CallPayload) else 0
        return 2 * WAIT_SECONDS + self._settings.ring_seconds + talk + self._clear_seconds

    def allow(self, share: Share) -> int:
        """Capacity is calls at once, the pace calls a second."""
        return self._room.allow(share, MOST_CALLS)

    def figures(self) -> Figures:
        return msgspec.structs.replace(
            self._counts.figures(),
            calls=len(self._calls),
            window=self._room.places,
            waiting=self._room.waiting,
            pace=self._room.pace.per_second,
        )

    async def send(self, outgoing: Outgoing) -> Outcome:
        payload = outgoing.payload
        if not isinstance(payload, CallPayload):
            return Outcome(kind=OutcomeKind.PERMANENT, reason="this carrier calls only")
        try:
            invite = invite_of(self._settings, outgoing, payload)
            message = self._speaker.message(payload)
            clips = await _clips(message)
        except NoCaller:
            return Outcome(kind=OutcomeKind.PERMANENT, reason="no caller's number for this trunk")
        except ValueError as error:
            return ended(Ending.NOT_SPEAKABLE, detail=str(error))
        try:
            async with self._room.place(WAIT_SECONDS):
                return await self._call(outgoing, payload, invite, clips)
        except NoRoom:
            return ended(Ending.OUR_LIMIT, detail="no room for another call")

    async def stop(self) -> None:
        if not self._started:
            return
        self._started = False
        self._news()
        await self._room.emptied(FINISH_SECONDS)
        for call in self._calls:
            self._engine.hang_up(call)
        await self._room.emptied(HANG_UP_SECONDS)
        await self._engine.leave(self)
        self._lose_calls()
        self._told = None

    # What the engine says.

    def engine_came(self) -> None:
        self._told = None

    def engine_went(self) -> None:
        self._told = None
        self._lose_calls()
        self._news()

    def hears(self, news: l.TrunkTold | l.CallMoved | l.CallEnded) -> None:
        match news:
            case l.TrunkTold():
                was_ready, self._told = self.ready, news
                if was_ready != self.ready or not self.ready:
                    self._news()
            case l.CallMoved(call=number):
                if (call := self._calls.get(number)) is not None:
                    self._moved(call, news)
            case l.CallEnded(call=number):
                if (call := self._calls.get(number)) is not None and not call.ended.done():
                    call.ended.set_result(news)

    def _news(self) -> None:
        self._changed.set()
        self._on_news()

    def _moved(self, call: _Call, news: l.CallMoved) -> None:
        call.state = news.state
        if news.state is CallState.RINGING:
            call.ringing_at = self._steady()
        elif news.state is CallState.ANSWERED and not call.answered_at:
            call.answered_at = self._steady()
        self._tell(call.outgoing, news)

    def _tell(self, outgoing: Outgoing, news: l.CallMoved) -> None:
        self._events(
            CallEvent(
                self.name,
                outgoing.account,
                outgoing.message,
                outgoing.attempt,
                news.state,
                news.at,
                news.keys,
            )
        )

    def _lose_calls(self) -> None:
        for call in self._calls.values():
            if not call.ended.done():
                call.ended.set_result(None)

    # One call.

    async def _call(
        self, outgoing: Outgoing, payload: CallPayload, invite: l.Invite, clips: tuple[Clip, ...]
    ) -> Outcome:
        if not await self._waited():
            return ended(Ending.CARRIER_DOWN, detail=self.problem or "it was stopped")
        settings = self._settings
        gate = (*clips[:2], GATE_PAUSE) if settings.start_key else ()

        def order(number: int, learnt: tuple[int, ...]) -> l.PlaceCall:
            message, asks = learnt[: len(clips)], learnt[len(clips) :]
            return l.PlaceCall(
                call=number,
                trunk=self.name,
                invite=invite,
                clips=message,
                max_seconds=payload.max_seconds,
                gate=l.Gate(key=settings.start_key, clips=asks, seconds=settings.start_key_seconds)
                if asks
                else None,
                repeat_key=settings.repeat_key,
            )

        call = _Call(outgoing, asyncio.get_running_loop().create_future())
        try:
            number = self._engine.place(self, [clip.pcmu for clip in (*clips, *gate)], order)
        except l.LineClosed:
            return ended(Ending.CARRIER_DOWN, detail="its SIP engine does not run")
        self._calls[number] = call
        try:
            async with asyncio.timeout(self.answer_seconds(payload) - 2 * WAIT_SECONDS):
                found = await call.ended
        except TimeoutError:
            self._engine.hang_up(number)
            return self._lost(call, "its SIP engine did not say how it ended")
        except asyncio.CancelledError:
            # Nobody waits for its end any more; it must not go on alone.
            self._engine.hang_up(number)
            raise
        finally:
            del self._calls[number]
        if found is None:
            return self._lost(call, "its SIP engine died")
        self._counts.ended(found)
        if found.how is l.How.STOPPED and not found.status and not found.rang:
            # Its INVITE may yet ring where the CANCEL has not come.
            return Outcome(kind=OutcomeKind.UNKNOWN, reason="it was stopped while it called")
        return outcome_of(found, self._answers)

    async def _waited(self) -> bool:
        """Whether it is ready, now or within WAIT_SECONDS."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WAIT_SECONDS):
                while not self.ready and self._started:
                    self._changed.clear()
                    await self._changed.wait()
        return self.ready

    def _lost(self, call: _Call, why: str) -> Outcome:
        """Nobody tells how it ended, whatever the far end still does."""
        now = self._steady()
        if call.state in (CallState.RINGING, CallState.ANSWERED):
            talk = now - call.answered_at if call.answered_at else 0.0
            ring = (call.answered_at or now) - call.ringing_at if call.ringing_at else 0.0
            return msgspec.structs.replace(
                ended(Ending.CUT_OFF, seconds=talk, detail=why),
                call=CallFacts(ring_seconds=ring, talk_seconds=talk),
            )
        return Outcome(kind=OutcomeKind.UNKNOWN, reason=why)


async def _clips(message: SpokenMessage) -> tuple[Clip, ...]:
    """In a thread where they must be stretched first, which takes long. Raises ValueError."""
    if all(pace == 1.0 for _, pace in message.paced):
        return message.clips
    return await asyncio.to_thread(lambda: message.clips)
