"""The built-in carrier: hands messages to the simulated phone that one looks at in a browser."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import msgspec

from onema.channels.contract import CallEvent, CallEvents, NotRecorded, Outgoing, Receipt, ReceiptSink, Share
from onema.channels.handset.calls import RING_SECONDS, HandsetCalls
from onema.channels.handset.scripted_numbers import SCRIPTS, SLOW_SECONDS, Script
from onema.domain.delivery.call import CallState
from onema.domain.delivery.endings import ended
from onema.domain.delivery.outcome import Ending, Outcome, OutcomeKind
from onema.domain.delivery.payload import CallPayload, Payload

_DELIVERED = Outcome(kind=OutcomeKind.DELIVERED)
_SHOWN = Outcome(kind=OutcomeKind.DELIVERED, shown=True)
_UNDELIVERED = ended(Ending.SWITCHED_OFF)
_SMS_SECONDS = 30.0


class Inbox(Protocol):
    """Where the simulated phone keeps what it shows apart from an outcome: a call while it rings, a late SMS."""

    async def receive(self, outgoing: Outgoing) -> None:
        """Keep it durably; idempotent by message id."""


class Speaker(Protocol):
    """Knows what a call would play."""

    def seconds(self, call: CallPayload) -> float:
        """The length of the whole message. Raises ValueError for what cannot be spoken."""


class HandsetCarrier:
    """Delivers to the inbox, rings, or does what the phone's script says."""

    idempotent = True

    def __init__(
        self,
        name: str,
        inbox: Inbox,
        calls: HandsetCalls,
        speaker: Speaker,
        receipts: ReceiptSink,
        slow_seconds: float = SLOW_SECONDS,
        call_events: CallEvents = lambda event: None,
    ) -> None:
        self.name = name
        self._inbox = inbox
        self._calls = calls
        self._speaker = speaker
        self._receipts = receipts
        self._slow_seconds = slow_seconds
        self._call_events = call_events
        self._started = False
        """From `start` to `stop`: a simulated phone has no connection to lose."""
        self._later: set[asyncio.Task[None]] = set()

    @property
    def ready(self) -> bool:
        return self._started

    @property
    def problem(self) -> str:
        return ""

    async def start(self, on_news: Callable[[], None]) -> None:
        self._started = True
        on_news()

    def answer_seconds(self, payload: Payload) -> float:
        return RING_SECONDS + payload.max_seconds if isinstance(payload, CallPayload) else _SMS_SECONDS

    def allow(self, share: Share) -> int:
        """One simulated phone takes any number at once: its capacity only says that it may run here."""
        return share.capacity

    async def send(self, outgoing: Outgoing) -> Outcome:
        script = SCRIPTS.get(outgoing.payload.phone, Script.DELIVERED)
        if isinstance(outgoing.payload, CallPayload):
            return await self._call(outgoing, outgoing.payload, script)
        if script is Script.UNDELIVERED:
            self._afterwards(self._report(outgoing, _UNDELIVERED))
            return _submitted(outgoing)
        if script is Script.SLOW:
            self._afterwards(self._arrive_late(outgoing))
            return _submitted(outgoing)
        if script is Script.RECEIPT_LOST:
            return msgspec.structs.replace(_submitted(outgoing), shown=True)
        return _SHOWN

    async def _call(self, outgoing: Outgoing, payload: CallPayload, script: Script) -> Outcome:
        try:
            seconds = min(self._speaker.seconds(payload), payload.max_seconds)
        except ValueError as error:
            return ended(Ending.NOT_SPEAKABLE, detail=str(error))
        await self._inbox.receive(outgoing)

        def tell(state: CallState, at: int, keys: str) -> None:
            self._call_events(
                CallEvent(self.name, outgoing.account, outgoing.message, outgoing.attempt, state, at, keys)
            )

        return await self._calls.place(outgoing.message, payload, seconds, script, tell)

    async def _arrive_late(self, outgoing: Outgoing) -> None:
        await asyncio.sleep(self._slow_seconds)
        await self._inbox.receive(outgoing)
        await self._report(outgoing, _DELIVERED)

    async def _report(self, outgoing: Outgoing, outcome: Outcome) -> None:
        """A simulated carrier does not say it again when the receipt is lost: the message then ends unconfirmed."""
        with contextlib.suppress(NotRecorded):
            await self._receipts(Receipt(self.name, _reference(outgoing), outcome))

    def _afterwards(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def stop(self) -> None:
        self._started = False
        for task in self._later:
            task.cancel()
        await asyncio.gather(*self._later, return_exceptions=True)


def _submitted(outgoing: Outgoing) -> Outcome:
    return Outcome(kind=OutcomeKind.SUBMITTED, references=(_reference(outgoing),))


def _reference(outgoing: Outgoing) -> str:
    return f"{outgoing.message}-{outgoing.attempt}"
