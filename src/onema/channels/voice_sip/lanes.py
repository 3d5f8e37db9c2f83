"""When which calls have their turn.

The 20 ms of a packet are cut into ten: a lane has its own moment in them, its own port, and its share of the calls, so
that a thousand packets do not leave at once. More lanes would cost more: what a turn costs besides its packets, mostly
waking up, is as much as thirty packets.
"""

import selectors
from collections.abc import Callable
from typing import Final

from onema.channels.voice_sip.datagrams import Many
from onema.channels.voice_sip.receiving import Port
from onema.channels.voice_sip.sending import Slice, Stream

LANES = 10
_APART_NS = 2_000_000
_EVERY_NS = LANES * _APART_NS
_LISTEN_EVERY_NS = 20_000_000
PTIMES_MS = (10, 20, 30, 40, 50, 60)


class Lane:
    """Times are nanoseconds of one clock."""

    def __init__(self, number: int, port: Port, many: Many, played: Callable[[Stream], None]) -> None:
        self.port: Final = port
        # Far from each other in time while they are few: 0, 7, 4, 1, 8, ...
        self._phase = 7 * number % LANES * _APART_NS
        self._many = many
        self._played = played
        self.calls = 0
        """Open ones, whether they send or not."""
        self.is_awake = False
        self._listens_at = 0
        self._slices: dict[tuple[int, bool], Slice] = {}
        """By packet time, and whether they share the port."""

    def wake(self, now: int) -> int:
        """When its first turn is. What came while it slept was for calls that are over."""
        self.is_awake = True
        self.port.discard()
        self._listens_at = self._next_moment(now, _EVERY_NS)
        return self._listens_at

    def turn(self, now: int) -> int | None:
        """Send and hear what is due; says when the next turn is, None where there is no call any more."""
        if not self.calls:
            self.is_awake = False
            return None
        busy = [slice_ for slice_ in self._slices.values() if slice_.streams]
        for slice_ in busy:
            if slice_.due <= now:
                slice_.turn(now)
                if slice_.was_refused:
                    slice_.was_refused = False
                    self.port.read_refusals()
        if self._listens_at <= now:
            self.port.drain(now)
            self._listens_at += ((now - self._listens_at) // _EVERY_NS + 1) * _EVERY_NS
        return min([self._listens_at, *(slice_.due for slice_ in busy)])

    def slice_of(self, ptime_ms: int, now: int, *, shared: bool) -> Slice:
        """Where calls of this packet time are. Raises ValueError for a packet time that is not served."""
        if ptime_ms not in PTIMES_MS:
            raise ValueError(f"packets of {ptime_ms} ms are not served")
        found = self._slices.get((ptime_ms, shared))
        if found is None:
            found = Slice(ptime_ms, now, self._many, self._played, shared=shared)
            self._slices[ptime_ms, shared] = found
        if not found.streams:
            found.due = self._next_moment(now, ptime_ms * 1_000_000)
        return found

    def _next_moment(self, now: int, period: int) -> int:
        return now + (self._phase - now) % period


class Listening:
    """Sockets on which little is expected: reports, and ports that only one call has. Who has a datagram is read."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self.is_awake = False

    def add(self, port: Port, *, rtp: bool) -> None:
        """Its reports, and with `rtp` all that comes."""
        self._selector.register(port.pair.rtcp, selectors.EVENT_READ, port.drain_reports)
        if rtp:
            self._selector.register(port.pair.rtp, selectors.EVENT_READ, port.read_some)

    def remove(self, port: Port) -> None:
        for udp in (port.pair.rtcp, port.pair.rtp):
            if udp in self._selector.get_map():
                self._selector.unregister(udp)

    def close(self) -> None:
        self._selector.close()

    def wake(self, now: int) -> int:
        self.is_awake = True
        return now + _LISTEN_EVERY_NS

    def turn(self, now: int) -> int:
        for key, _ in self._selector.select(0):
            key.data(now)
        return now + _LISTEN_EVERY_NS
