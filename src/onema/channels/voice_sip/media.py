"""The media of all calls of this process: one thread sends and hears what hundreds of calls send and hear.

An event loop decides; the thread only keeps time, and what it has to say comes to the loop in the loop's own time. The
process should have no other work than this and the signalling: whoever computes for long makes packets late.
"""

import asyncio
import contextlib
import heapq
import itertools
import os
import random
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Protocol

import msgspec

from onema.channels.voice_sip import datagrams, reporting
from onema.channels.voice_sip.clips import Clips
from onema.channels.voice_sip.datagrams import Address, Many, Unreachable, family_of
from onema.channels.voice_sip.lanes import LANES, Lane, Listening
from onema.channels.voice_sip.listeners import Far, Listener, MediaFigures
from onema.channels.voice_sip.ports import PortRange, Ports
from onema.channels.voice_sip.reading import Batch
from onema.channels.voice_sip.receiving import Heard, Port
from onema.channels.voice_sip.sending import Stream

_FEW = 150
"""So many calls a lane gets before another is opened."""
_PAUSE_AFTER_FAULT_NS = 1_000_000_000
_SWITCH_SECONDS = 0.001
_REFUSALS = 50
"""So many packets in a row come back before no more are sent: a second's, of 20 ms each."""


class UnknownCall(LookupError):
    """A call that is not open."""


class MediaEvents(Protocol):
    """Who is told, in the loop's thread."""

    def played(self, call: int) -> None:
        """The last packet of what it played was sent. It sends silence until it is told otherwise."""

    def key(self, call: int, key: str) -> None:
        """Somebody pressed `0`-`9`, `*`, `#` or `A`-`D`, once per press (RFC 4733)."""

    def heard(self, call: int) -> None:
        """The far end's first packet came."""

    def refused(self, call: int) -> None:
        """The far end's host says that nobody listens on its port (ICMP), for a second now."""


class Media:
    """Every method is for the loop's thread, returns at once, and may be called whether `start` was or not."""

    def __init__(
        self,
        events: MediaEvents,
        *,
        ports: PortRange | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
        wall: Callable[[], int] = time.time_ns,
        randomness: random.Random | None = None,
        system_call: Callable[[str], Many | None] = datagrams.system_call,
    ) -> None:
        """`clock` counts nanoseconds, `wall` those since 1970; `randomness` is for what must be unpredictable;
        `system_call` finds sendmmsg and recvmmsg, or does not.
        """
        self._events = events
        self._clock = clock
        self._wall = wall
        self._random = randomness or random.SystemRandom()
        self._ports = Ports(ports or PortRange(), self._random.getrandbits(16))
        self._many: Many = system_call("sendmmsg") or datagrams.send_one_by_one
        read_many = system_call("recvmmsg")
        self._batch = None if read_many is None else Batch(read_many)
        self._cname = self._random.randbytes(12).hex()
        """RFC 7022 §4.2: one name for a process, of 96 random bits."""
        self._clips = Clips()
        self._lock = threading.Lock()
        """Held by whoever looks at anything below: the thread for one turn, the loop for one call."""
        self._calls: dict[int, _Call] = {}
        self._lanes: dict[str, list[Lane]] = {}
        """By local host, in the order in which they are filled."""
        self._listening = Listening()
        self._due: list[tuple[int, int, Callable[[int], int | None]]] = []
        """A heap: when, in what order, what. It returns when it is due again."""
        self._order = itertools.count()
        self._heard = Heard(
            key=self._key,
            first=self._first,
            latched=self._latched,
            refused=self._refused,
            listens=self._listens,
        )
        self._told: deque[Callable[[], None]] = deque()
        """What the loop is yet to hear."""
        self._telling = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._something_due = threading.Event()
        self._closing = False

    # Its life.

    def start(self) -> None:
        """Begin to keep time. Called in a running loop.

        From now on no thread of this process keeps another one waiting for the interpreter for more than a millisecond.
        """
        sys.setswitchinterval(_SWITCH_SECONDS)
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._keep_time, name="rtp", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop every call, and the thread."""
        self._closing = True
        self._something_due.set()
        if self._thread is not None:
            self._thread.join()
        for call in list(self._calls):
            self.stop(call)
        with self._lock:
            for lane in itertools.chain.from_iterable(self._lanes.values()):
                self._listening.remove(lane.port)
                lane.port.pair.close()
            self._lanes.clear()
            self._listening.close()

    # Calls.

    def learn(self, clip: int, pcmu: bytes) -> None:
        """Keep a clip for all calls: PCMU, 8 kHz."""
        self._clips.learn(clip, pcmu)

    def forget(self, clip: int) -> None:
        """Calls that play it go on."""
        self._clips.forget(clip)

    def open(self, call: int, local_host: str, *, own_port: bool = False) -> int:
        """A port for the call's offer; RTCP is on the next. Nothing is sent yet, and what comes belongs to nobody.

        Without `own_port` several calls have the same port, and are told apart by where their far ends are. Raises
        NoPort, and OSError where `local_host` is no address of this machine.
        """
        with self._lock:
            lane = self._lane(local_host)
            port = Port(self._ports.bind(local_host), self._heard, self._wall) if own_port else lane.port
            stream = Stream(
                call,
                self._random.randrange(1, 1 << 32),
                self._random.getrandbits(16),
                self._random.getrandbits(32),
            )
            stream.descriptor = port.pair.rtp.fileno()
            stream.family = family_of(local_host)
            opened = self._calls[call] = _Call(Listener(call, stream, port), lane, own_port=own_port)
            port.add(opened.listener)
            lane.calls += 1
            if own_port:
                self._listening.add(port, rtp=True)
            self._wake(lane)
            return port.pair.port

    def connect(self, call: int, far: Far) -> None:
        """Send to this far end: silence until `play`. Again whenever the far end's SDP changed: what it plays goes on.

        Raises UnknownCall, Unreachable.
        """
        far = _normal(far)
        with self._lock:
            known, now = self._call(call), self._clock()
            listener, stream = known.listener, known.listener.stream
            if family_of(far.address[0]) != stream.family:
                raise Unreachable("the far end's address is not of the family of ours")
            slice_ = known.lane.slice_of(
                far.ptime_ms, now, shared=not known.own_port and far.protection is None
            )
            listener.port.drain(now)
            if stream.slice is None:
                self._schedule(
                    now + reporting.next_interval_ns(self._random, first=True), partial(self._report, known)
                )
            else:
                if stream.programme is not None:
                    stream.programme.sent_octets += stream.slice.octets_played(stream)
                stream.slice.leave(stream)
            listener.port.name(listener, far)
            listener.refusals, listener.is_deaf = 0, False
            stream.destination = listener.latched or far.address
            stream.law, stream.payload_type = far.law, far.payload_type
            stream.protection, stream.secure_to = far.protection, listener.port.pair.rtp
            slice_.join(stream, sends=far.listens and not known.held)
            self._wake(known.lane)

    def play(self, call: int, clips: Sequence[int]) -> None:
        """Play these from their beginning, instead of whatever the call plays; once it is connected.

        Raises UnknownCall, UnknownClip.
        """
        with self._lock:
            listener = self._call(call).listener
            stream = listener.stream
            stream.programme = self._clips.programme(clips)
            if stream.slice is not None:
                stream.slice.begin(stream)
            if listener.is_deaf:
                self._play_to_the_deaf(listener)

    def hold(self, call: int) -> None:
        """Send nothing until `resume`; what it plays waits. Raises UnknownCall."""
        with self._lock:
            known = self._call(call)
            known.held = True
            stream = known.listener.stream
            if stream.slice is not None:
                stream.slice.silence(stream)

    def resume(self, call: int) -> None:
        """Raises UnknownCall."""
        with self._lock:
            known = self._call(call)
            known.held = False
            stream, far = known.listener.stream, known.listener.far
            if stream.slice is not None and far is not None and far.listens and not known.listener.is_deaf:
                stream.slice.sound(stream)

    def stop(self, call: int) -> MediaFigures:
        """The call is over. Raises UnknownCall, also the second time."""
        with self._lock:
            known = self._call(call)
            del self._calls[call]
            listener, stream = known.listener, known.listener.stream
            now = self._clock()
            listener.port.drain(now)
            listener.port.drain_reports(now)
            self._send_report(listener, now, goodbye=True)
            if stream.slice is not None:
                stream.slice.leave(stream)
            listener.port.remove(listener)
            known.lane.calls -= 1
            if known.own_port:
                self._listening.remove(listener.port)
                listener.port.pair.close()
            return listener.figures(stream.packets_before)

    def figures(self, call: int) -> MediaFigures:
        """Of a call until now. Raises UnknownCall."""
        with self._lock:
            listener = self._call(call).listener
            stream = listener.stream
            listener.port.settle_accounts(listener)
            sent = stream.packets_before if stream.slice is None else stream.slice.packets(stream)
            return listener.figures(sent)

    # Time.

    def turn(self, now: int) -> int | None:
        """Do all that is due at `now`; says when there is more to do, None for never. For the thread, and for tests."""
        with self._lock:
            due = self._due
            while due and due[0][0] <= now:
                _, order, what = heapq.heappop(due)
                try:
                    again = what(now)
                except Exception as error:  # noqa: BLE001  # one lane's fault must not silence all the others
                    self._fault(error)
                    again = now + _PAUSE_AFTER_FAULT_NS
                if again is not None:
                    heapq.heappush(due, (again, order, what))
            return due[0][0] if due else None

    def _fault(self, error: Exception) -> None:
        """Leave it to the loop's exception handler."""
        if self._loop is None:
            raise error
        context = {"message": "a fault in the media of calls", "exception": error}
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._loop.call_exception_handler, context)

    def _keep_time(self) -> None:
        _be_punctual()
        while not self._closing:
            self._something_due.clear()
            next_due = self.turn(self._clock())
            if next_due is None:
                self._something_due.wait()
            else:
                wait = next_due - self._clock()
                if wait > 0:
                    time.sleep(wait / 1e9)

    def _lane(self, host: str) -> Lane:
        """The first with room, so that few calls keep few lanes busy; then the emptiest."""
        lanes = self._lanes.setdefault(host, [])
        for lane in lanes:
            if lane.calls < _FEW:
                return lane
        if len(lanes) < LANES:
            port = Port(self._ports.bind(host), self._heard, self._wall, self._batch)
            lane = Lane(len(lanes), port, self._many, self._played)
            lanes.append(lane)
            self._listening.add(lane.port, rtp=False)
            return lane
        return min(lanes, key=lambda lane: lane.calls)

    def _schedule(self, due: int, what: Callable[[int], int | None]) -> None:
        heapq.heappush(self._due, (due, next(self._order), what))
        self._something_due.set()

    def _wake(self, lane: Lane) -> None:
        """See to it that the lane has its turns, and reports are read."""
        now = self._clock()
        if not lane.is_awake:
            self._schedule(lane.wake(now), lane.turn)
        if not self._listening.is_awake:
            self._schedule(self._listening.wake(now), self._listen)

    def _listen(self, now: int) -> int | None:
        self._listening.is_awake = bool(self._calls)
        return self._listening.turn(now) if self._calls else None

    def _report(self, known: "_Call", now: int) -> int | None:
        if self._calls.get(known.listener.call) is not known:
            return None
        self._send_report(known.listener, now)
        return now + reporting.next_interval_ns(self._random, first=False)

    def _send_report(self, listener: Listener, now: int, *, goodbye: bool = False) -> None:
        to, port = reporting.destination(listener), listener.port
        if to is None:
            return
        port.settle_accounts(listener)
        told = reporting.report(listener, now=now, wall=self._wall(), cname=self._cname, goodbye=goodbye)
        if listener.far is not None and listener.far.protection is not None:
            told = listener.far.protection.protect_report(told)
        on_rtp = listener.far is not None and listener.far.rtcp == listener.far.address
        # A report that is lost is replaced by the next.
        with contextlib.suppress(OSError):
            (port.pair.rtp if on_rtp else port.pair.rtcp).sendto(told, to)

    def _call(self, call: int) -> "_Call":
        try:
            return self._calls[call]
        except KeyError:
            raise UnknownCall(call) from None

    # What the thread says to the loop.

    def _played(self, stream: Stream) -> None:
        self._tell(self._events.played, stream.call)

    def _key(self, listener: Listener, key: str) -> None:
        self._tell(self._events.key, listener.call, key)

    def _first(self, listener: Listener) -> None:
        self._tell(self._events.heard, listener.call)

    def _latched(self, listener: Listener, source: Address) -> None:
        if listener.stream.slice is not None:
            listener.stream.slice.redirect(listener.stream, source)

    def _refused(self, listener: Listener) -> None:
        """Whose port is closed for a second gets nothing more, so that it costs nothing; for him time passes on."""
        stream = listener.stream
        if listener.is_deaf or listener.refusals < _REFUSALS or stream.slice is None:
            return
        listener.is_deaf = True
        stream.slice.silence(stream)
        self._tell(self._events.refused, listener.call)
        self._play_to_the_deaf(listener)

    def _play_to_the_deaf(self, listener: Listener) -> None:
        programme, stream = listener.stream.programme, listener.stream
        if programme is None or stream.slice is None:
            return

        def end(_: int) -> None:
            if listener.is_deaf and stream.slice is not None and stream.programme is programme:
                stream.programme = None
                stream.slice.begin(stream)
                self._played(stream)

        left_ms = programme.left_ms(stream.slice.octets_played(stream))
        self._schedule(self._clock() + left_ms * 1_000_000, end)

    def _listens(self, listener: Listener) -> None:
        listener.is_deaf = False
        known, stream = self._calls.get(listener.call), listener.stream
        wants = listener.far is not None and listener.far.listens
        if known is not None and not known.held and wants and stream.slice is not None:
            stream.slice.sound(stream)

    def _tell(self, what: Callable[..., None], *arguments: object) -> None:
        """One wake-up of the loop carries all that happens until it looks."""
        self._told.append(partial(what, *arguments))
        if not self._telling and self._loop is not None:
            self._telling = True
            # A loop that is closed has nobody who wants to hear.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self.tell)

    def tell(self) -> None:
        """Tell the events what happened. The loop does it by itself; tests without one call it."""
        self._telling = False
        while self._told:
            self._told.popleft()()


def _normal(far: Far) -> Far:
    """Its addresses as the system writes them. Raises Unreachable."""
    return msgspec.structs.replace(
        far,
        address=datagrams.normal(far.address),
        rtcp=None if far.rtcp is None else datagrams.normal(far.rtcp),
        may_come_from=tuple(datagrams.normal((host, 1))[0] for host in far.may_come_from),
    )


class _Call:
    def __init__(self, listener: Listener, lane: Lane, *, own_port: bool) -> None:
        self.listener: Final = listener
        self.lane: Final = lane
        self.own_port: Final = own_port
        self.held = False


def _be_punctual() -> None:
    """Real-time priority for this thread, where the system permits it."""
    with contextlib.suppress(OSError, AttributeError):
        os.sched_setscheduler(threading.get_native_id(), os.SCHED_FIFO, os.sched_param(1))
