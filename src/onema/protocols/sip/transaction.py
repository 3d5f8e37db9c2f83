"""One transaction of either end, as tables of states and timers (RFC 3261 §17, RFC 6026 §7)."""

import enum
import math

import msgspec

from onema.protocols.sip.answers import Source
from onema.protocols.sip.headers import Headers
from onema.protocols.sip.messages import Request, Response


class Timing(msgspec.Struct, frozen=True):
    """The base values of all timers, in seconds (RFC 3261, Table 4)."""

    t1: float = 0.5
    """The round-trip time that is guessed: the first repetition comes after it."""
    t2: float = 4.0
    """The longest pause between repetitions, except those of an INVITE."""
    t4: float = 5.0
    """How long a message may live in the network."""

    @property
    def whole(self) -> float:
        """64*T1: timers B, F, H, J, L and M."""
        return 64 * self.t1


class State(enum.Enum):
    """RFC 3261 §17, with Accepted of RFC 6026; what the sections call Trying is Calling here too."""

    CALLING = "calling"
    PROCEEDING = "proceeding"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    ACCEPTED = "accepted"
    TERMINATED = "terminated"


NEVER = math.inf


def acknowledgement(request: Request, response: Response) -> Request:
    """The ACK for a final response other than 2xx: part of the transaction, so with its branch (§17.1.1.3)."""
    return _of_the_same_branch("ACK", request, response.headers.get("To"))


def cancellation(request: Request) -> Request:
    """The CANCEL for an INVITE (§9.1): what the far end matches it by is equal, the To without tag included."""
    return _of_the_same_branch("CANCEL", request, request.headers.get("To"))


def _of_the_same_branch(method: str, request: Request, to: str | None) -> Request:
    of = request.headers
    headers = Headers([("Via", request.via.encode()), ("Max-Forwards", "70")])
    for route in of.rows("Route"):
        headers.add("Route", route)
    headers.add("From", of.get("From") or "")
    headers.add("To", to or "")
    headers.add("Call-ID", request.call_id)
    headers.add("CSeq", f"{request.cseq.number} {method}")
    return Request(method, request.uri, headers)


class ClientTransaction:
    """A request of ours until nothing of it can come any more."""

    __slots__ = (
        "_again",
        "_data",
        "_invites",
        "_pause",
        "_reliable",
        "_timing",
        "_until",
        "branch",
        "next_hop",
        "out",
        "request",
        "state",
    )

    def __init__(
        self, request: Request, branch: str, next_hop: str, timing: Timing, reliable: bool, now: float
    ) -> None:
        self.request, self.branch, self.next_hop = request, branch, next_hop
        self.state = State.CALLING
        self.out: list[bytes] = []
        """What is to be sent now."""
        self._data = request.encode()
        self._invites = request.method == "INVITE"
        self._timing, self._reliable = timing, reliable
        self._pause = timing.t1
        """How long the next repetition waits: timers A and E, which only unreliable transports have."""
        self._again = NEVER if reliable else now + timing.t1
        self._until = now + timing.whole
        """Timers B and F; once final, D, K and M."""
        self.out.append(self._data)

    @property
    def due(self) -> float:
        return min(self._again, self._until)

    def receive(self, response: Response, now: float) -> bool:
        """Whether the user of the transaction is to hear of it."""
        if self.state is State.TERMINATED:
            return False
        if response.status < 200:
            return self._provisional(now)
        if not self._invites:
            return self._final(now)
        if response.status < 300:
            # RFC 6026 §7.2: every 2xx is passed on, for as long as one can come (timer M).
            if self.state not in (State.CALLING, State.PROCEEDING, State.ACCEPTED):
                return False
            if self.state is not State.ACCEPTED:
                self.state, self._again, self._until = State.ACCEPTED, NEVER, now + self._timing.whole
            return True
        if self.state is State.ACCEPTED:
            return False
        is_news = self.state is not State.COMPLETED
        self.out.append(acknowledgement(self.request, response).encode())
        if is_news:
            # Timer D is at least 32 s over unreliable transports (§17.1.1.2), the life of the far end's timer H.
            self.state, self._again = State.COMPLETED, NEVER
            self._until = now if self._reliable else now + max(32.0, self._timing.whole)
            if self._reliable:
                self.state = State.TERMINATED
        return is_news

    def _provisional(self, now: float) -> bool:
        if self.state not in (State.CALLING, State.PROCEEDING):
            return False
        self.state = State.PROCEEDING
        if self._invites:
            # §17.1.1.2: no repetition any more, and how long it may ring is the caller's to say.
            self._again = self._until = NEVER
        elif not self._reliable:
            # §17.1.2.2: from now on every T2.
            self._pause = self._timing.t2
        return True

    def _final(self, now: float) -> bool:
        if self.state is State.COMPLETED:
            return False
        self.state, self._again = State.COMPLETED, NEVER
        self._until = now + self._timing.t4
        if self._reliable:
            self.state = State.TERMINATED
        return True

    def tick(self, now: float) -> bool:
        """Whether the request is to be given up unanswered."""
        if now >= self._until:
            lost = self.state in (State.CALLING, State.PROCEEDING)
            self.state = State.TERMINATED
            return lost
        while now >= self._again:
            self.out.append(self._data)
            if self.state is State.CALLING:
                self._pause = self._pause * 2 if self._invites else min(self._pause * 2, self._timing.t2)
            self._again += self._pause
            if self._again <= now:
                # After a stall one repetition is enough.
                self._again = now + self._pause
        return False

    def hush(self) -> None:
        self._again = NEVER

    def give_up(self) -> bool:
        """Whether it had no final response yet."""
        waited = self.state in (State.CALLING, State.PROCEEDING)
        self.state = State.TERMINATED
        return waited


class ServerTransaction:
    """A request of the far end's until it cannot come again."""

    __slots__ = (
        "_again",
        "_invites",
        "_last",
        "_pause",
        "_reliable",
        "_timing",
        "_until",
        "out",
        "request",
        "source",
        "state",
        "status",
    )

    def __init__(self, request: Request, source: Source | None, timing: Timing, reliable: bool) -> None:
        self.request, self.source = request, source
        self.state = State.PROCEEDING
        self.status = 0
        """Of the last response."""
        self.out: list[bytes] = []
        self._last = b""
        self._invites = request.method == "INVITE"
        self._timing, self._reliable = timing, reliable
        self._pause = timing.t1
        """How long the next repetition of a final response waits: timer G, or the same of a 2xx."""
        self._again = self._until = NEVER

    @property
    def due(self) -> float:
        return min(self._again, self._until)

    def repeated(self) -> None:
        """The request came again: it gets the last response again, if there is one."""
        if self._last and self.state is not State.CONFIRMED:
            self.out.append(self._last)

    def answer(self, response: Response, now: float) -> bool:
        """Send it; False where a final response went before."""
        if self.state is not State.PROCEEDING:
            return False
        self._last, self.status = response.encode(), response.status
        self.out.append(self._last)
        if response.status < 200:
            return True
        self._until = now + self._timing.whole
        if self._invites:
            accepts = response.status < 300
            self.state = State.ACCEPTED if accepts else State.COMPLETED
            # §13.3.1.4: a 2xx is repeated over every transport, other responses only over unreliable ones.
            if accepts or not self._reliable:
                self._again = now + self._pause
        else:
            self.state = State.COMPLETED
            if self._reliable:
                self.state = State.TERMINATED
        return True

    def ignore(self, now: float) -> None:
        """Never answer it."""
        self.state, self._until = State.COMPLETED, now + self._timing.whole

    def acknowledged(self, now: float) -> None:
        """The ACK came."""
        if self.state is State.ACCEPTED:
            self._again = NEVER
        elif self.state is State.COMPLETED and self._invites:
            self.state, self._again = State.CONFIRMED, NEVER
            self._until = now + self._timing.t4
            if self._reliable:
                self.state = State.TERMINATED

    def tick(self, now: float) -> bool:
        """Whether a final response of ours got no ACK for good."""
        if now >= self._until:
            lost = self._invites and (self._again < NEVER or self.state is State.COMPLETED)
            self.state = State.TERMINATED
            return lost
        if now >= self._again:
            self.out.append(self._last)
            self._pause = min(self._pause * 2, self._timing.t2)
            self._again = now + self._pause
        return False
