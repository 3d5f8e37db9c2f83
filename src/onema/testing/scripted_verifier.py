"""A service that makes and checks codes, as a test wants it to."""

import asyncio
from collections.abc import Callable

import msgspec

from onema.channels.contract import Share
from onema.channels.own_codes import AskedCode
from onema.domain.codes.forwarded_check import Verdict
from onema.domain.delivery.outcome import Outcome, OutcomeKind


class _Code(msgspec.Struct):
    """What the service knows of one that it sent."""

    phone: str
    code: str
    valid_until: int
    tries_left: int
    is_over: bool = False


class ScriptedVerifier:
    """Makes the codes 100001, 100002 ... and checks them under limits of its own. `outcomes` are what it says of the
    next codes instead of making one, `verdicts` of the next checks; with `gate` closed checks wait, with `send_gate`
    closed codes.
    """

    code_length = 6
    send_seconds = 1.0

    def __init__(
        self,
        name: str,
        now: Callable[[], int],
        *,
        outcomes: tuple[Outcome, ...] = (),
        verdicts: tuple[Verdict | Exception, ...] = (),
        tries: int = 5,
        check_seconds: float = 5.0,
    ) -> None:
        self.name = name
        self.idempotent = True
        self.check_seconds = check_seconds
        self.asked: list[AskedCode] = []
        """What was asked for, in order."""
        self.checked: list[tuple[str, str]] = []
        """(reference, typed) of every check, in order."""
        self.cancelled: list[str] = []
        self.share: Share | None = None
        self.started = False
        self.stopped = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.send_gate = asyncio.Event()
        self.send_gate.set()
        self._now = now
        self._outcomes = list(outcomes)
        self._verdicts = list(verdicts)
        self._tries = tries
        self._codes: dict[str, _Code] = {}
        """By reference."""
        self._arrival = asyncio.Condition()

    def code_of(self, reference: str) -> str:
        """What the phone shows."""
        return self._codes[reference].code

    @property
    def ready(self) -> bool:
        return self.started and not self.stopped

    @property
    def problem(self) -> str:
        return ""

    async def start(self, on_news: Callable[[], None]) -> None:
        self.started = True
        on_news()

    def allow(self, share: Share) -> int:
        self.share = share
        return 0

    async def send_code(self, asked: AskedCode) -> Outcome:
        async with self._arrival:
            self.asked.append(asked)
            self._arrival.notify_all()
        await self.send_gate.wait()
        if self._outcomes:
            return self._outcomes.pop(0)
        reference = f"ref-{asked.account}-{asked.message}-{asked.attempt}"
        if reference not in self._codes:
            for known in self._codes.values():
                known.is_over = known.is_over or known.phone == asked.phone
            code = str(100_001 + len(self._codes))
            self._codes[reference] = _Code(asked.phone, code, asked.valid_until, self._tries)
        return Outcome(kind=OutcomeKind.SUBMITTED, references=(reference,))

    async def check_code(self, reference: str, typed: str) -> Verdict:
        async with self._arrival:
            self.checked.append((reference, typed))
            self._arrival.notify_all()
        await self.gate.wait()
        if self._verdicts:
            scripted = self._verdicts.pop(0)
            if isinstance(scripted, Exception):
                raise scripted
            return scripted
        known = self._codes.get(reference)
        if known is None or known.is_over or self._now() >= known.valid_until:
            return Verdict.EXPIRED
        if not known.tries_left:
            return Verdict.EXHAUSTED
        known.tries_left -= 1
        if typed != known.code:
            return Verdict.WRONG
        known.is_over = True
        return Verdict.RIGHT

    async def cancel_code(self, reference: str) -> None:
        self.cancelled.append(reference)
        if reference in self._codes:
            self._codes[reference].is_over = True

    async def was_asked(self, count: int) -> None:
        """Wait until `count` codes were asked for in all."""
        async with self._arrival:
            await self._arrival.wait_for(lambda: len(self.asked) >= count)

    async def was_checked(self, count: int) -> None:
        """Wait until `count` checks have arrived in all."""
        async with self._arrival:
            await self._arrival.wait_for(lambda: len(self.checked) >= count)

    async def stop(self) -> None:
        self.stopped = True
        self.gate.set()
