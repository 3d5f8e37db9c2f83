"""The built-in carrier: hands messages to the simulated phone that one looks at in a browser."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol

from onema.channels.contract import Outgoing, ReceiptSink
from onema.channels.handset.scripted_numbers import SCRIPTS, SLOW_SECONDS, Script
from onema.domain.outcome import Outcome, OutcomeKind

_DELIVERED = Outcome(kind=OutcomeKind.DELIVERED)
_UNDELIVERED = Outcome(kind=OutcomeKind.UNDELIVERED, reason="absent subscriber")
_SUBMITTED = Outcome(kind=OutcomeKind.SUBMITTED)


class Inbox(Protocol):
    """Where the simulated phone keeps what it received."""

    async def receive(self, outgoing: Outgoing) -> None:
        """Keep it durably; idempotent by message id."""


class HandsetCarrier:
    """Delivers to the inbox, or does what the phone's script says."""

    idempotent = True
    answer_seconds = 30.0

    def __init__(
        self, name: str, inbox: Inbox, receipts: ReceiptSink, slow_seconds: float = SLOW_SECONDS
    ) -> None:
        self.name = name
        self._inbox = inbox
        self._receipts = receipts
        self._slow_seconds = slow_seconds
        self._later: set[asyncio.Task[None]] = set()

    async def send(self, outgoing: Outgoing) -> Outcome:
        script = SCRIPTS.get(outgoing.payload.phone, Script.DELIVERED)
        if script is Script.UNDELIVERED:
            self._afterwards(self._receipts(outgoing, _UNDELIVERED))
            return _SUBMITTED
        if script is Script.SLOW:
            self._afterwards(self._arrive_late(outgoing))
            return _SUBMITTED
        await self._inbox.receive(outgoing)
        return _SUBMITTED if script is Script.RECEIPT_LOST else _DELIVERED

    async def _arrive_late(self, outgoing: Outgoing) -> None:
        await asyncio.sleep(self._slow_seconds)
        await self._inbox.receive(outgoing)
        await self._receipts(outgoing, _DELIVERED)

    def _afterwards(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def stop(self) -> None:
        for task in self._later:
            task.cancel()
        await asyncio.gather(*self._later, return_exceptions=True)
