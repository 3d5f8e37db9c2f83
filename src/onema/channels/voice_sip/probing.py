"""Calls that a server makes to itself again and again, to know that a trunk is heard and not only that it answers.

All processes on a machine look at the same moments, which are whole multiples of the interval since 1970: whoever gets
the address to listen at makes the call, the others leave it. In between the address is free for
`onema doctor --call`.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from onema.channels.voice_sip.answering.exchange import Exchange
from onema.channels.voice_sip.answering.phone import Recording
from onema.channels.voice_sip.configuration import Settings, where
from onema.speech.pack import Voice

LONGEST_SECONDS = 75.0
"""How long a probe may take, from the request to the end of its call."""
HELD_SECONDS = 5.0
"""How long its address is held at least: longer than the clocks of one machine's processes differ in looking."""
LOOK_SECONDS = 1.0
_PHONES = 4
"""Calls to the address that are answered at once; strangers may call it too."""

log = logging.getLogger(__name__)


class Plan(msgspec.Struct, frozen=True):
    """Whom to call over a trunk, and at which local address that ends, every so many seconds."""

    number: str
    host: str
    port: int
    every: int

    def __repr__(self) -> str:
        """Without the number."""
        return f"<Plan of a probe every {self.every} s>"


def plan_of(settings: Settings) -> Plan | None:
    """What a trunk's settings want; None: no probes."""
    if not settings.probe_minutes:
        return None
    listen = where(settings.probe_listen)
    return Plan(settings.probe_number, listen.host, listen.port or 0, 60 * settings.probe_minutes)


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a probe. `at` is Unix ms; `why` is for operators, empty where all was right."""

    at: int
    success: bool
    why: str = ""
    ring_seconds: float = 0.0
    lost_ratio: float = 0.0


class Probes:
    """See the module.

    `plans` tells what there is to probe now, by carrier; `place` has a carrier call a number and read a code out, and
    raises what keeps it from that; `new_code` makes one that nobody can guess; `now` is Unix ms.
    """

    def __init__(
        self,
        plans: Callable[[], Mapping[str, Plan]],
        place: Callable[[str, str, str], Awaitable[None]],
        voices: Callable[[], Mapping[str, Voice]],
        new_code: Callable[[], str],
        now: Callable[[], int],
        *,
        longest: float = LONGEST_SECONDS,
        held: float = HELD_SECONDS,
    ) -> None:
        self._plans, self._place, self._voices = plans, place, voices
        self._new_code, self._now = new_code, now
        self._longest, self._held = longest, held
        self._looked: dict[str, int] = {}
        """By carrier, the number of the interval that was looked at last."""
        self._results: dict[str, Result] = {}
        """By carrier, the newest of this process's."""
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Look from now on. Safe twice."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Safe twice, and before start."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def figures(self, name: str) -> dict[str, float]:
        """One of `success`, `timestamp_seconds`, `ring_seconds`, `lost_ratio` and `every_seconds`, by carrier. A
        result is forgotten once another process has surely made one.
        """
        plans, now = self._plans(), self._now()
        if name == "every_seconds":
            return {carrier: float(plan.every) for carrier, plan in plans.items()}
        fresh = {
            carrier: result
            for carrier, result in self._results.items()
            if carrier in plans and now - result.at < 3_000 * plans[carrier].every
        }
        if name == "timestamp_seconds":
            return {carrier: result.at / 1_000 for carrier, result in fresh.items()}
        return {carrier: float(getattr(result, name)) for carrier, result in fresh.items()}

    async def look(self) -> None:
        """Make the probes that are due now, if nobody else on this machine does."""
        due: list[tuple[str, Plan]] = []
        for carrier, plan in self._plans().items():
            interval = self._now() // (1_000 * plan.every)
            # The first is not due: a server that is started again and again must not call each time.
            if self._looked.setdefault(carrier, interval) != interval:
                self._looked[carrier] = interval
                due.append((carrier, plan))
        await asyncio.gather(*(self._probe(carrier, plan) for carrier, plan in due))

    async def _run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def _probe(self, carrier: str, plan: Plan) -> None:
        code = self._new_code()
        exchange = Exchange(host=plan.host, port=plan.port, voices=self._voices(), most=_PHONES)
        try:
            await exchange.start()
        except OSError:
            # Another process has it, or it is another machine's.
            return
        began = asyncio.get_running_loop().time()
        try:
            result = await self._result(exchange, carrier, plan, code)
            self._results[carrier] = result
            if not result.success:
                detail = {"action": "probe", "carrier": carrier, "detail": result.why}
                log.warning("a trunk failed its probe", extra=detail)
            await asyncio.sleep(max(0.0, began + self._held - asyncio.get_running_loop().time()))
        finally:
            await exchange.stop()

    async def _result(self, exchange: Exchange, carrier: str, plan: Plan, code: str) -> Result:
        try:
            await self._place(carrier, plan.number, code)
        except Exception as error:  # noqa: BLE001  # whatever keeps it from calling is what the probe is to find
            return Result(at=self._now(), success=False, why=f"it was not called: {type(error).__name__}")

        def heard() -> bool:
            return any(one.code == code for one in exchange.calls)

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._longest):
                # A call that was heard wrongly may be followed by one that was not.
                await exchange.until(lambda: heard() or (exchange.calls and not exchange.up))
        right = next((one for one in exchange.calls if one.code == code), None)
        recording = right or next(reversed(exchange.calls), None)
        return Result(
            at=self._now(),
            success=right is not None,
            why="" if right is not None else _why(recording),
            ring_seconds=recording.ring_seconds if recording is not None else 0.0,
            lost_ratio=_lost(recording) if recording is not None else 0.0,
        )


def _why(recording: Recording | None) -> str:
    if recording is None:
        return "no call came"
    if not recording.packets:
        return "a call came, and nothing was heard"
    return "another code was heard" if recording.code else "no code was heard"


def _lost(recording: Recording) -> float:
    whole = recording.packets + recording.lost
    return recording.lost / whole if whole else 0.0
