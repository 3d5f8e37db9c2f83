"""The carriers that run in this process, kept in step with the configuration.

A carrier with a total runs only while this process holds some of it (domain/delivery/capacity.py): it is started with
the first of it, told every change of the share, and stopped when the share is gone or could not be renewed in time.
"""

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

import msgspec

from onema.channels.contract import Carrier, CarrierStatus, Figures, ReportsFigures, Share
from onema.delivery.capacity import Capacity
from onema.delivery.carrier_life import CarrierLife
from onema.delivery.carrier_watch import CarrierWatch
from onema.domain.configuration import documents as doc
from onema.domain.delivery.breaker import BreakerState
from onema.domain.delivery.capacity import RENEW_SECONDS, STOP_SECONDS, Holding
from onema.domain.refusals import Refused
from onema.engine.committer import Committer
from onema.engine.loops import Loop

log = logging.getLogger(__name__)

WATCH_SECONDS = 0.5
"""How often it is looked whether capacity ran out."""

FIRST_START_SECONDS = 1.0
"""How long a process that starts waits for its carriers to be ready: no longer, for one may never be."""

CarrierFactory = Callable[[doc.Carrier], Carrier]
CapacityFactory = Callable[[str], Capacity]
"""This process's hold on the capacity of a carrier, by its name."""


class CarrierRefused(Exception):
    """A carrier cannot run as configured; the text says what to change."""


class RunningCarriers(Mapping[str, Carrier]):
    """Starts, replaces and stops carriers as documents and capacity change. Has only those that may be used at
    this moment. `admit` refuses sets that must not run together; at the start that is fatal, later it is logged and
    what runs goes on.
    """

    def __init__(
        self,
        committer: Committer,
        make: CarrierFactory,
        admit: Callable[[Mapping[str, doc.Carrier]], None],
        capacity: CapacityFactory,
        now: Callable[[], int],
        watch: CarrierWatch | None = None,
        *,
        process: str = "",
        lags: Callable[[str], tuple[int, ...]] = lambda carrier: (),
    ) -> None:
        """`watch` is what this process sees of them, `process` its name in what it says of them, and `lags` tells how
        long receipts took.
        """
        self._committer = committer
        self._make = make
        self._admit = admit
        self._capacity_of = capacity
        self._documents: dict[str, doc.Carrier] = {}
        self._now = now
        self._seen = watch or CarrierWatch(now)
        self._process = process
        self._lags = lags
        self._running: dict[str, CarrierLife] = {}
        self._refused: dict[str, str] = {}
        """Why carriers that may send could not even be made, by name."""
        self.on_ready: Callable[[], None] = lambda: None
        """Called when a carrier may have become ready: jobs may wait for it."""
        self._capacity: dict[str, Capacity] = {}
        self._one_at_a_time = defaultdict[str, asyncio.Lock](asyncio.Lock)
        self._ending: dict[str, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        """Set when the configuration changes after the one that was followed; `_follow` takes the next."""
        self._loops = (
            Loop("carriers", self._follow),
            Loop("carrier-capacity", self.renew, every_seconds=RENEW_SECONDS, pauses_first=True),
            Loop("carrier-watch", self._watch, every_seconds=WATCH_SECONDS, pauses_first=True),
        )

    def __getitem__(self, name: str) -> Carrier:
        capacity = self._capacity.get(name)
        if capacity is not None and not capacity.usable:
            raise KeyError(name)
        return self._running[name].carrier

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._running if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def capacity(self) -> dict[str, int]:
        """How much capacity this process may use, of each carrier with a total."""
        return {name: capacity.usable for name, capacity in self._capacity.items()}

    def ready(self) -> dict[str, int]:
        """Whether each carrier that runs here is ready: 1 or 0."""
        return {name: int(life.carrier.ready) for name, life in self._running.items()}

    def status(self) -> list[CarrierStatus]:
        """What is to be said of each configured carrier, by name."""
        return [self._status_of(carrier) for _, carrier in sorted(self._committer.directory.carriers.items())]

    def figure(self, name: str) -> dict[str, float]:
        """One of metrics.CARRIER_FIGURES, of each carrier that runs here and has it."""
        told = ((one.name, _figure(one, name)) for one in self.status() if one.name in self._running)
        return {carrier: value for carrier, value in told if value is not None}

    def _status_of(self, carrier: doc.Carrier) -> CarrierStatus:
        name, seen = carrier.name, self._seen
        about = CarrierStatus(name, carrier.type, shown_state(carrier), process=self._process)
        if (life := self._running.get(name)) is None:
            return msgspec.structs.replace(
                about, last_error=self._refused.get(name, ""), lags=self._lags(name)
            )
        runs = life.carrier
        return msgspec.structs.replace(
            about,
            ready=runs.ready,
            since=life.since,
            last_error=life.last_error,
            figures=runs.figures() if isinstance(runs, ReportsFigures) else Figures(),
            in_flight=seen.in_flight(name),
            per_second=seen.per_second(name),
            breaker=str(seen.breaker(name)),
            lowered_to=round(seen.lowered_to(name), 1),
            last_failure=seen.last_failure(name),
            lags=self._lags(name),
        )

    async def start(self) -> None:
        """Start what is configured; those that are not ready within a moment go on starting. Raises CarrierRefused only
        for a set that must not run together.
        """
        self._changed = self._committer.directory_changed
        await self._follow_once()
        if beginning := [life.begin() for life in self._running.values()]:
            await asyncio.wait(beginning, timeout=FIRST_START_SECONDS)
        for loop in self._loops:
            loop.start()

    async def stop(self) -> None:
        """Stop all carriers, then give their capacity to others."""
        await asyncio.gather(*(loop.stop() for loop in self._loops))
        for name in list(self._running):
            self._end(name)
        await asyncio.gather(*self._ending.values())
        for name in list(self._capacity):
            await self._leave(name)

    # Following the configuration.

    async def _follow(self) -> None:
        await self._changed.wait()
        # Taken before it is followed, so that no change meanwhile is missed.
        self._changed = self._committer.directory_changed
        try:
            await self._follow_once()
        except CarrierRefused as refused:
            log.error("carriers not changed", extra={"action": "configure", "detail": str(refused)})

    async def _follow_once(self) -> None:
        wanted = {
            name: carrier
            for name, carrier in self._committer.directory.carriers.items()
            if carrier.state == "active"
        }
        self._admit(wanted)
        for name in [
            name for name, known in self._documents.items() if not _runs_as(known, wanted.get(name))
        ]:
            del self._documents[name]
            if name in self._running:
                self._end(name)
            if name in self._ending:
                # Not awaited itself: whoever cancels this task must not cut the carrier's ending short.
                await asyncio.wait([self._ending[name]])
            if name in self._capacity and not (name in wanted and wanted[name].capacity):
                await self._leave(name)
        new = [name for name in wanted if name not in self._documents]
        self._refused = {
            name: why for name, why in self._refused.items() if name in wanted and name not in new
        }
        for name, known in self._documents.items():
            if known.breaker_closed < wanted[name].breaker_closed:
                self._seen.forget(name)
                self.on_ready()
        self._documents |= wanted
        for name in new:
            try:
                if wanted[name].capacity:
                    self._capacity.setdefault(name, self._capacity_of(name))
                    await self._renew_one(name)
                else:
                    self._begin(name, self._make(wanted[name]))
            except CarrierRefused as reason:
                # Saved by a version or on a machine that took it. The others run without it.
                self._refused[name] = str(reason)
                log.error("carrier not started", extra={"action": "configure", "detail": str(reason)})

    # Capacity.

    async def renew(self) -> None:
        """Renew all that is held once, and let the carriers know what they may use."""
        for result in await asyncio.gather(
            *map(self._renew_one, list(self._capacity)), return_exceptions=True
        ):
            if isinstance(result, CarrierRefused):
                log.error("carrier not started", extra={"action": "configure", "detail": str(result)})
            elif isinstance(result, Exception):
                # One fault must not end the renewing of all; the capacity runs out if it stays.
                log.error("capacity not renewed", exc_info=result, extra={"action": "capacity"})

    async def _renew_one(self, name: str) -> None:
        """Raises CarrierRefused; then others may have the capacity."""
        async with self._one_at_a_time[name]:
            self.stop_overdue()
            capacity = self._capacity.get(name)
            if capacity is None:
                return
            # The store may be away: then the capacity runs out, and a later renewal takes it again.
            with contextlib.suppress(Refused):
                holding: Holding = await self._committer.execute(capacity.ask(self._in_use(name, capacity)))
                capacity.hear(holding)
            if self._capacity.get(name) is not capacity:
                return
            try:
                self._apply(name, capacity)
            except CarrierRefused:
                await self._leave(name)
                raise

    def _in_use(self, name: str, capacity: Capacity) -> int:
        if name in self._ending:
            return capacity.held
        return self._allow(name, capacity.usable) if name in self._running else 0

    def _apply(self, name: str, capacity: Capacity) -> None:
        """Let the carrier be what its capacity allows. Raises CarrierRefused."""
        usable = capacity.usable
        if not usable:
            self.stop_overdue()
        elif name in self._running:
            self._allow(name, usable)
        # One that still stops may still use the capacity; the next renewal looks again.
        elif name in self._documents and name not in self._ending:
            carrier = self._make(self._documents[name])
            carrier.allow(self._share(name, usable))
            self._begin(name, carrier)

    def _allow(self, name: str, capacity: int) -> int:
        """Tell the carrier its share; how much capacity it uses or may use."""
        return max(capacity, self._running[name].carrier.allow(self._share(name, capacity)))

    def _share(self, name: str, capacity: int) -> Share:
        document = self._documents[name]
        return Share(capacity, document.per_second * capacity / document.capacity)

    async def _watch(self) -> None:
        self.stop_overdue()

    def stop_overdue(self) -> None:
        """Stop the carriers of which nothing may be used any more: soon others will."""
        for name, capacity in self._capacity.items():
            if name in self._running and not capacity.usable:
                log.warning("carrier stopped, no capacity", extra={"action": "capacity", "carrier": name})
                self._end(name)

    async def _leave(self, name: str) -> None:
        """Give the capacity to others. When the store is away they have to wait."""
        capacity = self._capacity.pop(name)
        with contextlib.suppress(Refused, TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await self._committer.execute(capacity.leave())

    # Beginning and ending.

    def _begin(self, name: str, carrier: Carrier) -> None:
        self._seen.forget(name)
        life = self._running[name] = CarrierLife(carrier, self._now, self._heard)
        life.begin()

    def _heard(self) -> None:
        """A carrier became ready, or ceased to be."""
        self.on_ready()

    def _end(self, name: str) -> None:
        task = asyncio.create_task(self._running.pop(name).end(), name=f"stop-{name}")
        self._ending[name] = task
        task.add_done_callback(lambda _: self._ending.pop(name))


def _runs_as(known: doc.Carrier, wanted: doc.Carrier | None) -> bool:
    """Whether a carrier may go on running under a changed document. Another total comes with the next renewal; what is
    registered and needed is looked up for each message, and a breaker that is closed by hand is this process's.
    """
    if wanted is None or bool(known.capacity) != bool(wanted.capacity):
        return False
    return wanted == msgspec.structs.replace(
        known,
        capacity=wanted.capacity,
        per_second=wanted.per_second,
        draining=wanted.draining,
        breaker_closed=wanted.breaker_closed,
        registered=wanted.registered,
        needs=wanted.needs,
    )


def _figure(one: CarrierStatus, name: str) -> float | None:
    match name:
        case "in_flight":
            return one.in_flight
        case "breaker_open":
            return {BreakerState.CLOSED: 0.0, BreakerState.HALF_OPEN: 0.5}.get(BreakerState(one.breaker), 1.0)
        case "lowered_pace":
            return one.lowered_to
        case "window_used":
            return one.figures.in_flight
        case "answered_ratio":
            return one.figures.answered
        case "loss_ratio":
            return one.figures.loss
        case "jitter_seconds":
            return None if one.figures.jitter_ms is None else one.figures.jitter_ms / 1000
    value: float | None = getattr(one.figures, name)
    return value


def shown_state(carrier: doc.Carrier) -> str:
    return "draining" if carrier.draining and carrier.state == "active" else carrier.state
