"""Asking a far end once by OPTIONS whether it is there, without sockets (RFC 3261 §11)."""

import math

import msgspec

from onema.protocols.sip import transactions as t
from onema.protocols.sip.answers import Source, response_to
from onema.protocols.sip.dialogs import Local, Tokens
from onema.protocols.sip.headers import Headers
from onema.protocols.sip.messages import Message, Request
from onema.protocols.sip.transaction import Timing

NOT_THERE = frozenset((408, 503, 504))
"""What a proxy says of a far end that does not answer, or is out of service. Any other response comes from one that is
there, though it may know no OPTIONS."""


class Reached(msgspec.Struct, frozen=True):
    """It answered, after so many seconds."""

    seconds: float


class NotReached(msgspec.Struct, frozen=True):
    """It did not, or says that it is out of service; `why` is for operators."""

    why: str


class Ping:
    """See the module. It is over with its one event: `patience` seconds without a final response are no answer."""

    def __init__(
        self,
        *,
        uri: str,
        from_: str,
        local: Local,
        tokens: Tokens,
        patience: float = 10.0,
        timing: Timing = Timing(),  # noqa: B008  # frozen
        reliable: bool = False,
    ) -> None:
        self.call_id = tokens()
        self.is_over = False
        self._uri, self._from, self._local, self._tokens = uri, from_, local, tokens
        self._patience = patience
        self._transactions = t.Transactions(timing, reliable=reliable)
        self._asked_at, self._until = 0.0, math.inf

    def start(self, now: float) -> None:
        """Ask."""
        headers = Headers([("Via", self._local.via(self._tokens)), ("Max-Forwards", "70")])
        headers.add("From", f"{self._from};tag={self._tokens()}")
        headers.add("To", f"<{self._uri}>")
        headers.add("Call-ID", self.call_id)
        headers.add("CSeq", "1 OPTIONS")
        headers.add("Contact", self._local.contact)
        headers.add("Accept", "application/sdp")
        if self._local.agent:
            headers.add("User-Agent", self._local.agent)
        self._asked_at, self._until = now, now + self._patience
        self._transactions.ask(Request("OPTIONS", self._uri, headers), now)

    def sendings(self) -> list[t.Sending]:
        """What is to be sent now, once."""
        return self._transactions.sendings()

    @property
    def due(self) -> float:
        """When `tick` has something to do at the earliest; infinity for never."""
        return math.inf if self.is_over else min(self._until, self._transactions.due)

    def receive(
        self, message: Message, now: float, source: Source | None = None
    ) -> list[Reached | NotReached]:
        """What a message with its Call-ID brings."""
        return self._happened(self._transactions.receive(message, now, source), now)

    def transport_failed(self, now: float) -> list[Reached | NotReached]:
        """What was sent did not arrive, or the connection is gone."""
        return self._happened(self._transactions.transport_failed(), now)

    def tick(self, now: float) -> list[Reached | NotReached]:
        """What the time brings."""
        if self.is_over:
            return []
        events = self._happened(self._transactions.tick(now), now)
        return events or (self._end(NotReached("no answer to OPTIONS")) if now >= self._until else [])

    def _happened(self, happened: list[t.Event], now: float) -> list[Reached | NotReached]:
        for event in happened:
            if isinstance(event, t.Answered) and event.response.status >= 200:
                status = event.response.status
                there = status not in NOT_THERE
                return self._end(
                    Reached(now - self._asked_at) if there else NotReached(f"{status} to OPTIONS")
                )
            if isinstance(event, t.Unanswered):
                what = "OPTIONS could not be sent" if event.refused else "no answer to OPTIONS"
                return self._end(NotReached(what))
            if isinstance(event, t.Asked) and event.key is not None:
                self._transactions.answer(event.key, response_to(event.request, 481), now)
        return []

    def _end(self, event: Reached | NotReached) -> list[Reached | NotReached]:
        if self.is_over:
            return []
        self.is_over = True
        return [event]
