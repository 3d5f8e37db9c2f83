"""Messages that wait for a bind, in order, and those that were written and wait for their answer.

One queue for all binds of a carrier: whoever has room takes the next. What an SMSC throttles goes back to its head.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from onema.channels.pace import Pace
from onema.channels.sms_smpp.link import Link
from onema.channels.sms_smpp.outcomes import (
    EXPIRED,
    OTHER,
    TAKEN,
    TAKEN_NAMELESS,
    UNANSWERED,
    Meaning,
    PartEnd,
    not_sent,
    outcome_of,
    refused,
)
from onema.domain.delivery.outcome import Ending, Outcome
from onema.protocols.smpp import commands as c
from onema.protocols.smpp import statuses, tlvs
from onema.protocols.smpp.frames import Frame
from onema.protocols.smpp.pdus import MalformedPdu, MessageResp, decode
from onema.protocols.smpp.times import absolute, relative

NO_BIND_SECONDS = 2.0
"""How long messages wait for a bind when there is none; then another carrier may take them."""

_WITHOUT = not_sent("no bind is up")
_LATE = not_sent("it waited too long for the window or the pace", Ending.OUR_LIMIT)
_PART_REFUSED = not_sent("another part was refused", None)


class Submission:
    """One submit_sm to be written: `before` and `after` are its body around validity_period."""

    __slots__ = ("after", "before", "message", "number", "order")

    def __init__(self, message: "Message", number: int, order: int, before: bytes, after: bytes) -> None:
        self.message = message
        self.number = number
        """Which part of the message it is, from 0."""
        self.order = order
        """Its place in the queue among all that ever were."""
        self.before = before
        self.after = after


class Message:
    """All parts of one attempt. `outcome` is done when every part has ended."""

    __slots__ = ("deadline", "ends", "left", "outcome", "refused", "valid_until")

    def __init__(
        self, outcome: "asyncio.Future[Outcome]", parts: int, deadline: float, valid_until: int
    ) -> None:
        self.outcome = outcome
        self.ends: list[PartEnd | None] = [None] * parts
        self.left = parts
        """How many have not ended."""
        self.refused = False
        """Whether a part was refused: those that were not written need not be."""
        self.deadline = deadline
        """Until when (steady seconds) it may wait to be written."""
        self.valid_until = valid_until
        """When the code dies (Unix ms); 0: never."""

    def part_ended(self, number: int, end: PartEnd) -> None:
        if self.ends[number] is not None:
            return
        self.ends[number] = end
        self.left -= 1
        if end.kind is not TAKEN:
            self.refused = True
        if not self.left and not self.outcome.done():
            self.outcome.set_result(outcome_of([end for end in self.ends if end is not None]))


class Outbox:
    """`reference_of` makes the reference of an id; `now` is Unix milliseconds. See the module."""

    def __init__(
        self,
        *,
        meanings: Mapping[int, Meaning],
        reference_of: Callable[[bytes], str],
        queue_seconds: float,
        throttle_pause: float,
        validity: str,
        steady: Callable[[], float],
        now: Callable[[], int],
    ) -> None:
        self._meanings = meanings
        self._reference_of = reference_of
        self._queue_seconds = queue_seconds
        self._throttle_pause = throttle_pause
        self._validity = validity
        self._steady = steady
        self._now = now
        self.pace = Pace()
        """Segments of this process over all its binds."""
        self.links: list[Link] = []
        """The binds that send."""
        self._turn = 0
        """Which of them was looked at last."""
        self._queue: deque[Submission] = deque()
        self._orders = 0
        """How many submissions there were."""
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        """When it goes off: the pace allows the next."""
        self._without_since: float | None = steady()
        """Since when there is no bind that sends; None while there is one."""
        self.closed = True
        """Whether nothing is taken."""

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def put(
        self, outcome: "asyncio.Future[Outcome]", parts: Sequence[tuple[bytes, bytes]], valid_until: int
    ) -> None:
        """Submit these parts, each its body before and after validity_period."""
        message = Message(outcome, len(parts), self._steady() + self._queue_seconds, valid_until)
        for number, (before, after) in enumerate(parts):
            if self.closed:
                message.part_ended(number, _WITHOUT)
                continue
            self._orders += 1
            self._queue.append(Submission(message, number, self._orders, before, after))
        self.pump()

    def add(self, link: Link) -> None:
        """A bind that sends is up."""
        self.links.append(link)
        self._without_since = None
        self.pump()

    def remove(self, link: Link) -> None:
        """It takes nothing more."""
        if link in self.links:
            self.links.remove(link)
            if not self.links:
                self._without_since = self._steady()

    def pump(self) -> None:
        """Write what may be written now."""
        queue = self._queue
        if not queue:
            return
        now = self._steady()
        while queue:
            message = queue[0].message
            if message.refused or message.outcome.done():
                gone = queue.popleft()
                message.part_ended(gone.number, _PART_REFUSED)
                continue
            wait = self.pace.wait(now)
            if wait:
                self._pump_in(wait, now)
                return
            link = self._free_link(now)
            if link is None:
                return
            self._write(link, queue.popleft(), now)
        self.pace.rest()

    def _write(self, link: Link, submission: Submission, now: float) -> None:
        valid_until = submission.message.valid_until
        validity = b""
        if valid_until:
            left = valid_until - self._now()
            if left <= 0:
                submission.message.part_ended(submission.number, EXPIRED)
                return
            if self._validity == "relative":
                validity = relative(left // 1_000)
            elif self._validity == "absolute":
                validity = absolute(datetime.fromtimestamp(valid_until / 1_000, UTC))
        link.submit(submission.before + validity + submission.after, submission, now)
        self.pace.take(now)

    def _free_link(self, now: float) -> Link | None:
        """The next bind with room, in turn."""
        links = self.links
        soonest = 0.0
        for _ in range(len(links)):
            self._turn = (self._turn + 1) % len(links)
            link = links[self._turn]
            if link.room > 0:
                wait = link.pace.wait(now)
                if not wait:
                    return link
                soonest = min(soonest or wait, wait)
        if soonest:
            self._pump_in(soonest, now)
        return None

    def _pump_in(self, seconds: float, now: float) -> None:
        at = now + seconds
        if self._timer is not None:
            if self._timer_at <= at:
                return
            self._timer.cancel()
        self._timer_at = at
        self._timer = asyncio.get_running_loop().call_later(seconds, self._timed)

    def _timed(self) -> None:
        self._timer = None
        self.pump()

    # What links tell.

    def answered(self, link: Link, submission: Submission, frame: Frame) -> None:
        """A submit_sm got its response. The link pumps when it has read all that came."""
        status = frame.status
        if status == statuses.ESME_ROK and frame.command == c.SUBMIT_SM_RESP:
            link.took()
            body = frame.body
            end = body.find(0)
            reference = self._reference_of(body if end < 0 else body[:end])
            submission.message.part_ended(
                submission.number, PartEnd(TAKEN, reference) if reference else TAKEN_NAMELESS
            )
            return
        # A generic_nack of status 0 refuses, too.
        meaning = self._meanings.get(status, OTHER) if status else OTHER
        if meaning.verdict == "throttled":
            link.throttled(self._throttle_pause)
            if not self.closed and self._steady() < submission.message.deadline:
                self._put_back(submission)
                return
        end_of_it = refused(status, meaning, _said(frame))
        if meaning.kind is TAKEN:
            end_of_it = PartEnd(TAKEN, self._reference_of(_body(frame).message_id), detail=end_of_it.detail)
        submission.message.part_ended(submission.number, end_of_it)

    def unanswered(self, submissions: Iterable[Submission]) -> None:
        """They may have left."""
        for submission in submissions:
            submission.message.part_ended(submission.number, UNANSWERED)

    def _put_back(self, submission: Submission) -> None:
        """At the head, in its old order among others that were put back."""
        queue = self._queue
        at = 0
        while at < len(queue) and queue[at].order < submission.order:
            at += 1
        queue.insert(at, submission)

    def sweep(self) -> None:
        """End what has waited too long."""
        now = self._steady()
        if self._without_since is not None and now >= self._without_since + NO_BIND_SECONDS:
            self._end_queue(_WITHOUT)
        queue = self._queue
        while queue and queue[0].message.deadline <= now:
            late = queue.popleft()
            late.message.part_ended(late.number, _LATE)

    def open(self) -> None:
        self.closed = False
        self._without_since = self._steady() if not self.links else None

    def close(self) -> None:
        """Take nothing more, and end what was not written."""
        self.closed = True
        self._end_queue(_WITHOUT)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end_queue(self, end: PartEnd) -> None:
        while self._queue:
            gone = self._queue.popleft()
            gone.message.part_ended(gone.number, end)


def _body(frame: Frame) -> MessageResp:
    try:
        body = decode(frame)
    except MalformedPdu:
        return MessageResp()
    return body if isinstance(body, MessageResp) else MessageResp()


def _said(frame: Frame) -> str:
    """What the SMSC says of it in words (3.4 §5.3.2.11)."""
    said = tlvs.find(_body(frame).tlvs, tlvs.ADDITIONAL_STATUS_INFO_TEXT) or b""
    return said.rstrip(b"\0").decode("latin-1")
